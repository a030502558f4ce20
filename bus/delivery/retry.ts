// When a failed task is tried again, or that it is not.
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import type { Recollection } from "./recall.js";

export interface RetryPolicy {
  /** How often the handler may be tried in all. Default 5. */
  attempts?: number;
  backoff?: "exponential" | "linear" | "constant";
  /** The wait before the second attempt. Default 1s. */
  first?: Duration;
  /** No wait is longer. Default 5m. */
  max?: Duration;
  /** How often its worker may die or vanish while working on a task; then it is buried. Default 10. */
  crashes?: number;
}

/** A policy with nothing left out. */
export interface RetryRules {
  attempts: number;
  backoff: NonNullable<RetryPolicy["backoff"]>;
  firstMs: number;
  maxMs: number;
  crashes: number;
}

export function retryRules(policy: RetryPolicy = {}): RetryRules {
  const { attempts = 5, backoff = "exponential", crashes = 10 } = policy;
  const counts = { attempts, crashes };
  for (const [name, count] of Object.entries(counts))
    if (!(count >= 1)) throw invalid(name, count, "at least 1");
  if (!(backoff in factors))
    throw invalid("backoff", backoff, `"${Object.keys(factors).join('", "')}"`);
  return {
    attempts,
    backoff,
    firstMs: toMs(policy.first ?? "1s", "retry.first"),
    maxMs: toMs(policy.max ?? "5m", "retry.max"),
    crashes,
  };
}

const factors = {
  exponential: (failures: number) => 2 ** Math.min(failures - 1, 60),
  linear: (failures: number) => failures,
  constant: () => 1,
};

function invalid(name: string, value: unknown, wanted: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `retry.${name} "${String(value)}" cannot be: give ${wanted}`,
  );
}

/** The wait after the `failures`th failure, between half and the whole of what the rules say, so that those who failed together do not return together. */
export function backoffMs(
  rules: RetryRules,
  failures: number,
  random: () => number = Math.random,
): number {
  const factor = factors[rules.backoff](failures);
  const whole = Math.min(rules.maxMs, rules.firstMs * factor);
  return whole / 2 + (random() * whole) / 2;
}

export function mayRetry(
  rules: RetryRules,
  error: TroupeError,
  failures: number,
): boolean {
  return error.retryable && failures < rules.attempts;
}

/**
 * Whether its worker has died of it as often as it may. A first start of which nothing is known counts once a
 * later one has crashed: before that it may as well have been given back, or never have begun.
 */
export function isDeadly(
  rules: RetryRules,
  { crashes, firstUnknown }: Recollection,
): boolean {
  return crashes > 0 && crashes + (firstUnknown ? 1 : 0) >= rules.crashes;
}
