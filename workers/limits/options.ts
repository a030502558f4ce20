// What a skill may say about how much of it is let through: as the user writes it, and checked.
import { z } from "zod";
import {
  namesOf,
  needWithoutWait,
  type NamedTarget,
  type Names,
  type Target,
} from "../../bus/tasks/target.js";
import type { Need } from "../../protocol/need.js";
import { toMs, type Duration } from "../../protocol/duration.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { BreakerRules } from "./breaker.machine.js";
import type { TaskFacts } from "../task-context.js";

/** Which tenant, key or class a task belongs to: each has a limit of its own. */
type PartOf<Input> = (input: Input, task: TaskFacts) => string;

export interface BreakerOptions {
  /** So many failures … Default 5. */
  failures?: number;
  /** … within so long open it, over all instances. Default 30s. */
  within?: Duration;
  /** How long nothing passes then. Default 10s. */
  rest?: Duration;
  /** So many tasks are let through to see whether the skill works again; when all go well it closes. Default 1. */
  probes?: number;
}

export interface AtOnceOptions<Input> {
  /** So many tasks at a time. */
  limit: number;
  /** … of each part, as this tells them apart. */
  by?: PartOf<Input>;
  /** Over all instances, not in each. Default false. */
  shared?: boolean;
}

export interface RateOptions<Input> {
  /** So many tasks … */
  limit: number;
  /** … in so long, over all instances. */
  per: Duration;
  /** So many may come at once after a quiet time. Default a tenth of the limit. */
  burst?: number;
  /** … of each part, as this tells them apart. */
  by?: PartOf<Input>;
}

type OneOrMore<Value> = Value | readonly Value[];

export interface LimitOptions<Input> {
  /** Keeps tasks from the skill while it fails. */
  breaker?: BreakerOptions;
  /** How many tasks run at a time. */
  atOnce?: number | OneOrMore<AtOnceOptions<Input>>;
  /** How many tasks start in a time. */
  rate?: OneOrMore<RateOptions<Input>>;
  /** The skill, or whoever meets the need, that does the task when the breaker is open, or when this one has failed for good. */
  fallback?: Target;
}

// Its input is what the schema of the very skill makes of it.
// eslint-disable-next-line typescript/no-explicit-any
type AnyPartOf = PartOf<any>;

export interface AtOnceRules {
  limit: number;
  by: AnyPartOf | undefined;
  shared: boolean;
}

export interface RateRules {
  limit: number;
  perMs: number;
  burst: number;
  by: AnyPartOf | undefined;
}

export type FallbackTo = { names: Names } | { need: Need };

/** The options of a skill with nothing left out; undefined where it has none, so that it costs nothing. */
export interface LimitRules {
  breaker: Omit<BreakerRules, "probeMs"> | undefined;
  atOnce: readonly AtOnceRules[];
  rates: readonly RateRules[];
  fallback: FallbackTo | undefined;
}

const whole = z.number().int().min(1).max(1e9);
const duration = z.custom<Duration>(
  (value) => isDuration(value),
  `write "250ms", "5s", "1m", "2h", "7d" or milliseconds, more than 0`,
);
const by = z.custom<AnyPartOf>(
  (value) => typeof value === "function",
  "give a function of input and task that returns a string",
);

const atOnce = z.strictObject({
  limit: whole,
  by: by.optional(),
  shared: z.boolean().optional(),
});
const rate = z.strictObject({
  limit: whole,
  per: duration,
  burst: whole.optional(),
  by: by.optional(),
});
const schema = z.object({
  breaker: z
    .strictObject({
      failures: whole.max(1_000).optional(),
      within: duration.optional(),
      rest: duration.optional(),
      probes: whole.max(1_000).optional(),
    })
    .optional(),
  atOnce: z.union([whole, atOnce, z.array(atOnce)]).optional(),
  rate: z.union([rate, z.array(rate)]).optional(),
  fallback: z.unknown(),
});

/** Throws ARGUMENT_INVALID for limits that are none. */
// eslint-disable-next-line typescript/no-explicit-any
export function limitRules(options: LimitOptions<any>): LimitRules | undefined {
  const { breaker, atOnce, rate, fallback } = options;
  if (!breaker && atOnce === undefined && !rate && fallback === undefined)
    return undefined;
  const checked = schema.safeParse({ breaker, atOnce, rate, fallback });
  if (!checked.success) throw invalid(checked.error);
  return {
    breaker: breaker && breakerRules(breaker),
    atOnce: atOnceRules(atOnce),
    rates: toArray(rate).map(rateRules),
    fallback: fallback === undefined ? undefined : fallbackTo(fallback),
  };
}

function breakerRules(options: BreakerOptions) {
  return {
    failures: options.failures ?? 5,
    withinMs: toMs(options.within ?? "30s"),
    restMs: toMs(options.rest ?? "10s"),
    probes: options.probes ?? 1,
  };
}

function atOnceRules(
  options: LimitOptions<unknown>["atOnce"],
): readonly AtOnceRules[] {
  if (typeof options === "number")
    return [{ limit: options, by: undefined, shared: false }];
  return toArray(options).map(({ limit, by, shared }) => ({
    limit,
    by,
    shared: shared === true,
  }));
}

function rateRules({ limit, per, burst, by }: RateOptions<unknown>): RateRules {
  return {
    limit,
    perMs: toMs(per),
    burst: burst ?? Math.max(1, Math.floor(limit / 10)),
    by,
  };
}

function fallbackTo(fallback: Target): FallbackTo {
  try {
    const need = needWithoutWait(fallback);
    return need ? { need } : { names: namesOf(fallback as NamedTarget) };
  } catch (cause) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `fallback ${JSON.stringify(fallback)} names no skill and no need: give "agent.skill", a skill of an agent such as writer.skills.headline, or what is needed, such as "headline@^1" (${messageOf(cause)})`,
      { cause },
    );
  }
}

function toArray<Value>(value: OneOrMore<Value> | undefined): readonly Value[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Value[]) : [value as Value];
}

function isDuration(value: unknown): boolean {
  try {
    return toMs(value as Duration) > 0;
  } catch {
    return false;
  }
}

function invalid(error: z.ZodError): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `the limits of the skill are none: ${z.prettifyError(error).replaceAll("\n", " ")}`,
    { cause: error },
  );
}
