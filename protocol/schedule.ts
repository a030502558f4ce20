// A schedule as its bucket keeps it: what was asked for, and how far it has come.
import { z } from "zod";
import { levels } from "./levels.js";

/** When it fires. */
const timing = z.union([
  z.object({ cron: z.string(), timeZone: z.string() }),
  z.object({ everyMs: z.number() }),
]);
export type Timing = z.infer<typeof timing>;

/** What was asked for; two that are alike are one. Moments are milliseconds since the epoch. */
const definition = z.looseObject({
  timing,
  agent: z.string(),
  skill: z.string(),
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
export type ScheduleDefinition = z.infer<typeof definition>;

export const scheduleRecord = z.looseObject({
  name: z.string(),
  definition,
  /** A firing of one that fires every so often; the others are counted from it. */
  anchor: z.number(),
  /** The next firing that nobody has taken; without it there is none any more. */
  next: z.number().optional(),
  /** Firings that were taken, whose tasks may not be submitted yet; oldest first. */
  pending: z.array(z.number()),
  paused: z
    .looseObject({ since: z.number(), reason: z.string().optional() })
    .optional(),
  last: z
    .looseObject({
      at: z.number(),
      taskId: z.string(),
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
