// A schedule as its bucket keeps it: what was asked for, and how far it has come.
import { z } from "zod";
import { formatMs } from "./duration.js";
import { levels } from "./levels.js";
import { describeNeed, parseNeed, type Need } from "./need.js";

/** When it fires. */
const timing = z.union([
  z.object({ cron: z.string(), timeZone: z.string() }),
  z.object({ everyMs: z.number() }),
]);
export type Timing = z.infer<typeof timing>;

/** What was asked for; two that are alike are one. Moments are milliseconds since the epoch. */
const asked = z.looseObject({
  timing,
  /** Who is to do it. */
  agent: z.string().optional(),
  skill: z.string().optional(),
  /** Or what is needed instead: who does it is chosen when it fires. */
  need: z.custom<Need>((need) => isNeed(need)).optional(),
  input: z.unknown().optional(),
  /** Its agent keeps an actor for each context. */
  stateful: z.boolean().optional(),
  /** How many firings that were missed are caught up with; the others are left out. */
  catchUp: z.number(),
  priority: z.enum(levels).optional(),
  key: z.string().optional(),
  context: z.string().optional(),
  /** Counted from the submitting of each task. */
  deadlineMs: z.number().optional(),
  lane: z.string().optional(),
  from: z.number().optional(),
  until: z.number().optional(),
});
const definition = asked.refine(
  ({ agent, skill, need }) => need ?? (agent && skill),
  "it does not say who is to do it",
);
export type ScheduleDefinition = z.infer<typeof definition>;

/** Who was chosen. */
const chosen = z.looseObject({
  agent: z.string(),
  skill: z.string(),
  lane: z.string().optional(),
  /** Why, for the history of its tasks. */
  route: z.string(),
});

export const scheduleRecord = z.looseObject({
  name: z.string(),
  definition,
  /** A firing of one that fires every so often; the others are counted from it. */
  anchor: z.number(),
  /** The next firing that nobody has taken; without it there is none any more. */
  next: z.number().optional(),
  /** Firings that were taken, whose tasks may not be submitted yet; oldest first. */
  pending: z.array(z.number()),
  /** Whom these go to, where a need says who it may be. */
  chosen: chosen.optional(),
  paused: z
    .looseObject({ since: z.number(), reason: z.string().optional() })
    .optional(),
  last: z
    .looseObject({
      at: z.number(),
      taskId: z.string(),
      /** Who was chosen for it. */
      agent: z.string().optional(),
      skill: z.string().optional(),
      byHand: z.boolean().optional(),
      /** Why there is no task. */
      refused: z.string().optional(),
    })
    .optional(),
  /** Firings that nobody made in time and that were not caught up with: from the first, before the other. */
  leftOut: z.looseObject({ from: z.number(), before: z.number() }).optional(),
});
export type ScheduleRecord = z.infer<typeof scheduleRecord>;

/** Follows from the name and the time alone, so that firing twice is one task. */
export function firingId(name: string, at: number): string {
  return `${name}@${new Date(at).toISOString().replace(".000Z", "Z")}`;
}

/** The cron expression, or "every 5m". */
export function whenIn(timing: Timing): string {
  return "cron" in timing ? timing.cron : `every ${formatMs(timing.everyMs)}`;
}

/** "reports.build", or what is needed. */
export function whomIn({
  agent,
  skill,
  need,
}: Pick<ScheduleDefinition, "agent" | "skill" | "need">): string {
  return need ? describeNeed(need) : `${agent}.${skill}`;
}

function isNeed(value: unknown): boolean {
  try {
    parseNeed(value);
    return true;
  } catch {
    return false;
  }
}
