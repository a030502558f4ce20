// From what a user asks for to what a schedule's record says.
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import {
  nextFiring,
  toTiming,
  type When,
} from "../../protocol/firing-times.js";
import type { Level } from "../../protocol/levels.js";
import {
  firingId,
  type ScheduleDefinition,
  type Timing,
} from "../../protocol/schedule.js";
import { encodeToken } from "../../protocol/tokens.js";
import type { Submitter } from "../tasks/submitter.js";
import type { Router } from "../routing/router.js";
import {
  needWithoutWait,
  type NamedTarget,
  type Target,
} from "../tasks/target.js";
import { chooseFor } from "./choosing.js";
import { checkKeepable } from "./keepable.js";

export interface ScheduleOptions {
  /** Whose clock a cron expression means: an IANA name such as "Europe/Berlin". Default UTC. */
  timeZone?: string;
  /**
   * What becomes of firings that nobody made within half a minute, since nobody served or the server was down.
   * Default "skip": the next future one is the next. "catch up": the newest hundred are made, in order; or as
   * many as `{ catchUp: 10 }` says.
   */
  missed?: Missed;
  /** Of its tasks. Default normal. */
  priority?: Level;
  /** Tasks of an agent with the same key are handled one at a time and in order. */
  key?: string;
  /** The context of its tasks. */
  context?: string;
  /** Fail a task when it has not ended by then, counted from its firing. */
  deadline?: Duration;
  /** Which version of the agent. Default main, or as its lanes are split. */
  lane?: string;
  /** It does not fire before; one that fires every so often fires first then. */
  from?: Date;
  /** It does not fire after. */
  until?: Date;
  /** It does not fire until it is resumed. */
  paused?: boolean;
  /** Of another schedule of this name. Without it, that is refused. */
  replace?: boolean;
}

export type Missed = "skip" | "catch up" | { catchUp: number };

const usualCatchUp = 100;
const longestCatchUp = 1_000;
/** With the time of a firing, it is the id of a task. */
const longestName = 200;

export interface Asked {
  name: string;
  when: When;
  target: Target;
  input: unknown;
  options: ScheduleOptions;
}

/**
 * Throws ARGUMENT_INVALID, INPUT_INVALID with the path of the field, AGENT_UNKNOWN, SKILL_UNKNOWN, PAYLOAD_TOO_LARGE,
 * and NO_CANDIDATE for a need that nobody here has ever met.
 */
export async function toDefinition(
  submitter: Submitter,
  router: Router,
  { name, when, target, input, options }: Asked,
  now: number,
): Promise<ScheduleDefinition> {
  checkName(name);
  const timing = toTiming(when, options.timeZone);
  const bounds = {
    ...momentOf(options.from, "from"),
    ...momentOf(options.until, "until"),
  };
  checkFires(timing, bounds, now);
  checkKeepable(input);
  const need = needWithoutWait(target);
  const { priority, key, context, deadline, lane } = options;
  const found = need && (await chooseFor(router, need, options));
  const deadlineMs =
    deadline === undefined ? undefined : toMs(deadline, "deadline");
  const named = found
    ? { agent: found.agent, name: found.skill }
    : (target as NamedTarget);
  const laneNow = lane ?? found?.lane;
  const { spec, stateful } = await submitter.drafting.draft(named, input, {
    id: firingId(name, now),
    ...(priority === undefined ? {} : { priority }),
    ...(key === undefined ? {} : { key }),
    ...(context === undefined ? {} : { context }),
    ...(laneNow === undefined ? {} : { lane: laneNow }),
    ...(deadlineMs === undefined ? {} : { deadline: deadlineMs }),
  });
  const { agent, skill } = spec;
  return asStored({
    timing,
    ...(need ? { need } : { agent, skill }),
    input,
    ...(stateful && !need ? { stateful } : {}),
    catchUp: toCatchUp(options.missed ?? "skip"),
    priority,
    key,
    context,
    deadlineMs,
    lane,
    ...bounds,
  });
}

/** As it is read again, so that two can be compared. */
function asStored(definition: object): ScheduleDefinition {
  return JSON.parse(JSON.stringify(definition)) as ScheduleDefinition;
}

export function checkName(name: string): void {
  if (typeof name !== "string")
    throw invalid(`a schedule's name is a text, and not ${typeof name}`);
  const { length } = encodeToken(name, "schedule name");
  if (length > longestName)
    throw invalid(
      `schedule name "${name.slice(0, 24)}…" is too long: at most ${longestName} characters, encoded as in a subject, leave room for the time of a firing`,
    );
}

function momentOf(
  moment: Date | undefined,
  what: "from" | "until",
): { from?: number; until?: number } {
  if (moment === undefined) return {};
  const at = moment instanceof Date ? moment.getTime() : Number.NaN;
  if (Number.isNaN(at)) throw invalid(`${what} "${String(moment)}" is no date`);
  return { [what]: at };
}

function checkFires(
  timing: Timing,
  bounds: { from?: number; until?: number },
  now: number,
): void {
  const { until } = bounds;
  const what =
    "cron" in timing ? `cron "${timing.cron}"` : `every ${timing.everyMs} ms`;
  const ends =
    until === undefined ? "" : ` before ${new Date(until).toISOString()}`;
  const rhythm = {
    definition: { timing, ...bounds },
    anchor: anchorOf({ timing, ...bounds }, now),
  };
  if (nextFiring(rhythm, now) === undefined)
    throw invalid(
      `${what} never fires${ends}: ${ends ? "give it a later end" : "no date is such a day"}`,
    );
}

/** The first firing of one that fires every so often, on a whole second. */
export function anchorOf(
  { timing, from }: Pick<ScheduleDefinition, "timing" | "from">,
  now: number,
): number {
  if (from !== undefined) return from;
  const everyMs = "cron" in timing ? 0 : timing.everyMs;
  return Math.ceil((now + everyMs) / 1_000) * 1_000;
}

function toCatchUp(missed: Missed): number {
  if (missed === "skip") return 0;
  if (missed === "catch up") return usualCatchUp;
  const { catchUp } = (missed ?? {}) as { catchUp?: unknown };
  if (
    typeof catchUp === "number" &&
    Number.isInteger(catchUp) &&
    catchUp >= 1 &&
    catchUp <= longestCatchUp
  )
    return catchUp;
  throw invalid(
    `missed ${JSON.stringify(missed)} is none: write "skip", "catch up", or { catchUp: N } with N from 1 to ${longestCatchUp}`,
  );
}

function invalid(message: string): TroupeError {
  return new TroupeError("ARGUMENT_INVALID", message);
}
