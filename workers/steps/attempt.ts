// One attempt of a step, or of its undo.
import { formatMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";

export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the task is canceled or fails, or the step's time is up. */
  readonly signal: AbortSignal;
}

/** What it gives or throws; TIMED_OUT when that takes too long. */
export async function runAttempt<Result>(
  run: (attempt: Attempt) => Result | Promise<Result>,
  attempt: number,
  signal: AbortSignal,
  timeoutMs: number | undefined,
  name: string,
): Promise<Result> {
  if (timeoutMs === undefined) return run({ attempt, signal });
  const timedOut = new AbortController();
  const error = new TroupeError(
    "TIMED_OUT",
    `step "${name}" took longer than its timeout of ${formatMs(timeoutMs)}: make it faster or give it a longer timeout`,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      timedOut.abort(error);
      reject(error);
    }, timeoutMs);
    timer.unref(); // an attempt that was left for good keeps no process alive
  });
  try {
    const both = AbortSignal.any([signal, timedOut.signal]);
    return await Promise.race([run({ attempt, signal: both }), late]);
  } finally {
    clearTimeout(timer);
  }
}
