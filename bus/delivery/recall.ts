// What a redelivered task has been through: a first delivery needs no look at the log, a later one does.
import type { TaskEvent } from "../../protocol/task.js";

export interface Recollection {
  ended: boolean;
  /** Attempts whose handler failed. */
  failures: number;
  /** Attempts that began and left no trace of how they ended: their worker died or lost its connection. */
  crashes: number;
  /** The number of the attempt that begins now. */
  attempt: number;
  /** For the dead letter. */
  events: TaskEvent[];
}

export const firstAttempt: Recollection = {
  ended: false,
  failures: 0,
  crashes: 0,
  attempt: 1,
  events: [],
};

/**
 * `redelivered` says that this delivery is not the first. The first start of a task is not on the log, so a
 * redelivery is at least its second attempt.
 */
export function recollect(
  events: TaskEvent[],
  redelivered: boolean,
): Recollection {
  const failed = new Set<number>();
  const started = new Set<number>();
  let ended = false;
  for (const { kind, attempt = 1 } of events) {
    if (kind === "attempt") failed.add(attempt);
    else if (kind === "started") started.add(attempt);
    else ended = true;
  }
  const known = Math.max(redelivered ? 1 : 0, ...failed, ...started);
  if (known === 0 && !ended) return firstAttempt;
  const crashes = [...started].filter((attempt) => !failed.has(attempt)).length;
  return { ended, failures: failed.size, crashes, attempt: known + 1, events };
}
