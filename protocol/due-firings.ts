// What a schedule's record becomes when firings have fallen due: pure, so that every process decides alike.
//
// 1. A firing is taken, which moves `next` on, before its task is submitted. Who takes it writes the record by
//    compare-and-set, so a firing is taken once; and whoever finds one taken and not done may do it.
// 2. A firing that is late by less than `graceMs` is not missed: it takes as long as that until another process
//    does what a dead one has taken. Of those that were missed the newest `catchUp` are taken.
import { newestFirings, nextFiring } from "./firing-times.js";
import type { ScheduleRecord } from "./schedule.js";

export const graceMs = 30_000;

/** So many are taken at a time. */
const takenAtOnce = 200;

/** Undefined where nothing is to be taken. */
export function takeDue(
  record: ScheduleRecord,
  now: number,
): ScheduleRecord | undefined {
  const { next, paused, pending } = record;
  if (next === undefined || next > now || paused || pending.length > 0)
    return undefined;
  const from = firstTaken(record, next, now - graceMs);
  const taken: number[] = [];
  let at = nextFiring(record, from - 1);
  while (at !== undefined && at <= now && taken.length < takenAtOnce) {
    taken.push(at);
    at = nextFiring(record, at);
  }
  const { next: _taken, ...rest } = record;
  return {
    ...rest,
    ...(at === undefined ? {} : { next: at }),
    pending: taken,
    ...(from > next ? { leftOut: { from: next, before: from } } : {}),
  };
}

/** From when on firings are taken; `next` where none is left out. */
function firstTaken(
  record: ScheduleRecord,
  next: number,
  missedBefore: number,
): number {
  if (next >= missedBefore) return next;
  const { catchUp } = record.definition;
  const until = record.definition.until ?? Number.POSITIVE_INFINITY;
  const before = Math.min(missedBefore, until + 1);
  const missed = newestFirings(record, { from: next, before, most: catchUp });
  return missed[0] ?? missedBefore;
}

/** The same with another moment from which on it fires, as when it is resumed. */
export function goOnAfter(
  record: ScheduleRecord,
  after: number,
): ScheduleRecord {
  const { next: _before, ...rest } = record;
  const next = nextFiring(record, Math.max(after, record.last?.at ?? 0));
  return { ...rest, ...(next === undefined ? {} : { next }) };
}
