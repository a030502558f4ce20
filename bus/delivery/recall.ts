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

/** The first start of a task is not on the log, so a redelivery is at least the second attempt. */
export function recollect(events: TaskEvent[]): Recollection {
  const failed = new Set<number>();
  const started = new Set<number>();
  let ended = false;
  for (const { kind, attempt = 1 } of events) {
    if (kind === "attempt") failed.add(attempt);
    else if (kind === "started") started.add(attempt);
    else ended = true;
  }
  const crashes = [...started].filter((attempt) => !failed.has(attempt)).length;
  const attempt = Math.max(1, ...failed, ...started) + 1;
  return { ended, failures: failed.size, crashes, attempt, events };
}
