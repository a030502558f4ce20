// What a redelivered task has been through: a first delivery needs no look at the log, a later one does.
import { isTerminal, type TaskEvent } from "../../protocol/task.js";

export interface Recollection {
  ended: boolean;
  /** Attempts whose handler failed, since its task began or went on with another input. */
  failures: number;
  /** Starts on the log without a trace of how they ended: their worker died or lost its connection. */
  crashes: number;
  /** Of the first start nothing is on the log: it crashed as well, or was given back, or never was. */
  firstUnknown: boolean;
  /** The number of the attempt that begins now. */
  attempt: number;
  /** For the dead letter. */
  events: TaskEvent[];
}

export const firstAttempt: Recollection = {
  ended: false,
  failures: 0,
  crashes: 0,
  firstUnknown: false,
  attempt: 1,
  events: [],
};

/**
 * `redelivered` says that this delivery is not the first. Starts before `progressAt`, when its handler last got
 * something done, are no crashes: what it gets done is behind it. Nor are failures counted from before `continuedAt`,
 * when it went on with another input. The first start of a task is not on the log, so a redelivery is at least its
 * second attempt.
 */
export function recollect(
  events: TaskEvent[],
  redelivered: boolean,
  progressAt = 0,
  continuedAt = 0,
): Recollection {
  const attempts = (
    which: TaskEvent["kind"],
    counts: (event: TaskEvent) => boolean = () => true,
  ) =>
    new Set(
      events
        .filter((event) => event.kind === which && counts(event))
        .map(({ attempt = 1 }) => attempt),
    );
  const [started, failed, returned] = [
    attempts("started"),
    attempts("attempt"),
    attempts("returned"),
  ];
  const ended = events.some(({ kind }) => isTerminal(kind));
  const traced = new Set([...started, ...failed, ...returned]);
  const isSince = (time: number) => (event: TaskEvent) =>
    event.at === undefined || event.at.getTime() > time;
  const fruitless = attempts("started", isSince(progressAt));
  const known = Math.max(redelivered ? 1 : 0, ...traced);
  if (known === 0 && !ended) return firstAttempt;
  return {
    ended,
    failures: attempts("attempt", isSince(continuedAt)).size,
    crashes: [...fruitless].filter(
      (attempt) => !failed.has(attempt) && !returned.has(attempt),
    ).length,
    firstUnknown: known > 0 && !traced.has(1) && progressAt === 0,
    attempt: known + 1,
    events,
  };
}

/** It goes on with another input. */
export function sinceContinued(past: Recollection): Recollection {
  return past.failures === 0 ? past : { ...past, failures: 0 };
}
