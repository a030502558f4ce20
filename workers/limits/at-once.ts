// A bulkhead: so many tasks of a skill, or of each part of it, at a time in this instance. What one skill or
// tenant takes up is bounded, so that it cannot take all slots from the others.
import { TroupeError } from "../../protocol/errors.js";
import type { TaskFacts } from "../task-context.js";
import type { AtOnceRules } from "./options.js";
import { partBy, type Leave, type Policy, type PolicyHost } from "./policy.js";
import { Throttle } from "./throttle.js";

/** A guess, until it is known how long tasks take. */
const firstGuessMs = 100;

export class AtOncePolicy implements Policy {
  readonly #host: PolicyHost;
  readonly #rules: AtOnceRules;
  readonly #running = new Map<string, number>();
  readonly #throttle: Throttle;
  #tookMs = firstGuessMs;

  constructor(host: PolicyHost, rules: AtOnceRules) {
    this.#host = host;
    this.#rules = rules;
    this.#throttle = new Throttle(host, { atOnce: rules.limit });
  }

  partOf(input: unknown, task: TaskFacts): string {
    return partBy(this.#rules.by, "atOnce", input, task);
  }

  isFree(part: string): boolean {
    return (this.#running.get(part) ?? 0) < this.#rules.limit;
  }

  enter(part: string): Leave {
    this.#running.set(part, (this.#running.get(part) ?? 0) + 1);
    const begunAt = performance.now();
    return () => {
      this.#tookMs += (performance.now() - begunAt - this.#tookMs) / 8;
      const left = this.#running.get(part)! - 1;
      if (left === 0) this.#running.delete(part);
      else this.#running.set(part, left);
      this.#host.onFree();
    };
  }

  /** Who leaves tells. */
  wanted(_part: string, tasks: number): void {
    if (tasks > 0) this.#throttle.begins();
  }

  waitMs(): number {
    return this.#tookMs / this.#rules.limit;
  }

  spacingMs(): number {
    return this.#tookMs / this.#rules.limit;
  }

  refusal(part: string): TroupeError {
    return full(this.#host, this.#rules, part);
  }

  stop(): void {
    this.#throttle.stop();
  }
}

export function full(
  { agent, skill }: PolicyHost,
  { limit, shared }: AtOnceRules,
  part: string,
): TroupeError {
  const whose = part === "" ? "" : ` for "${part}"`;
  const where = shared ? "in all its instances together" : "in an instance";
  return new TroupeError(
    "LIMIT_REACHED",
    `${agent}.${skill} does ${limit} at a time ${where}${whose}, and does them now: try again later, or submit a durable task, which waits`,
    { data: { agent, skill, limit } },
  );
}
