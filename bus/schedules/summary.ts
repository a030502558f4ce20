// A schedule as people and programs are shown it.
import { nextFiring } from "../../protocol/firing-times.js";
import type { Level } from "../../protocol/levels.js";
import type { Need } from "../../protocol/need.js";
import { whenIn, type ScheduleRecord } from "../../protocol/schedule.js";
import type { TaskState } from "../../protocol/task.js";
import type { Link } from "../connection/connection.js";
import { findTask } from "../tasks/task-list.js";

export interface Schedule {
  name: string;
  /** It fires; or does not until it is resumed; or there is no firing left. */
  state: "active" | "paused" | "over";
  /** The cron expression, or "every 5m". */
  when: string;
  timeZone?: string;
  /** Who does it; or what is needed, and who does it is chosen at each firing. */
  agent?: string;
  skill?: string;
  need?: Need;
  input?: unknown;
  /** How many missed firings are caught up with; 0 where they are skipped. */
  catchUp: number;
  priority?: Level;
  key?: string;
  context?: string;
  deadlineMs?: number;
  lane?: string;
  from?: Date;
  until?: Date;
  pausedSince?: Date;
  reason?: string;
  /** The next firings; of one that is paused, those that it would have. */
  next: Date[];
  last?: LastFiring;
  /** Firings that were missed, and neither made nor caught up with: from the first, before the other. */
  leftOut?: { from: Date; before: Date };
}

export interface LastFiring {
  at: Date;
  taskId: string;
  /** Who was chosen, where that was for the firing to say. */
  agent?: string;
  skill?: string;
  /** Somebody fired it, and not its time. */
  byHand: boolean;
  /** Of its task; undefined where nothing is known of it any more. */
  state?: TaskState;
  /** Why there is no task. */
  refused?: string;
}

const shownNext = 5;

export async function toSchedule(
  link: Link,
  record: ScheduleRecord,
): Promise<Schedule> {
  const { name, definition, paused, leftOut } = record;
  const { timing, agent, skill, need, input, catchUp, deadlineMs } = definition;
  const { priority, key, context, lane, from, until } = definition;
  const next = nextOf(record, link.clock.now());
  const last = await lastOf(link, record);
  return {
    name,
    state: paused ? "paused" : next.length === 0 ? "over" : "active",
    when: whenIn(timing),
    ...("cron" in timing ? { timeZone: timing.timeZone } : {}),
    ...(agent === undefined ? {} : { agent }),
    ...(skill === undefined ? {} : { skill }),
    ...(need === undefined ? {} : { need }),
    input,
    catchUp,
    ...(priority === undefined ? {} : { priority }),
    ...(key === undefined ? {} : { key }),
    ...(context === undefined ? {} : { context }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(lane === undefined ? {} : { lane }),
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(until === undefined ? {} : { until: new Date(until) }),
    ...(paused ? { pausedSince: new Date(paused.since) } : {}),
    ...(paused?.reason === undefined ? {} : { reason: paused.reason }),
    next,
    ...(last ? { last } : {}),
    ...(leftOut
      ? {
          leftOut: {
            from: new Date(leftOut.from),
            before: new Date(leftOut.before),
          },
        }
      : {}),
  };
}

function nextOf(record: ScheduleRecord, now: number): Date[] {
  const times: Date[] = [];
  let at = record.paused ? nextFiring(record, now) : record.next;
  while (at !== undefined && times.length < shownNext) {
    times.push(new Date(at));
    at = nextFiring(record, at);
  }
  return times;
}

async function lastOf(
  link: Link,
  { last, definition }: ScheduleRecord,
): Promise<LastFiring | undefined> {
  if (!last) return undefined;
  const { at, taskId, agent, skill, byHand = false, refused } = last;
  const task =
    refused === undefined
      ? await findTask(link, taskId, agent ?? definition.agent)
      : undefined;
  return {
    at: new Date(at),
    taskId,
    ...(agent === undefined ? {} : { agent }),
    ...(skill === undefined ? {} : { skill }),
    byHand,
    ...(task ? { state: task.state } : {}),
    ...(refused === undefined ? {} : { refused }),
  };
}
