// One attempt of a step.
import { formatMs, longestTimerMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";

export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the task is canceled or fails, or the step's time is up. */
  readonly signal: AbortSignal;
}

/** Of whatever library. */
export function isPromise<Value>(
  value: Value | PromiseLike<Value>,
): value is PromiseLike<Value> {
  const { then } = (value ?? {}) as { then?: unknown };
  return typeof then === "function";
}

/** Makes the signal when it is first asked for: most steps need none. */
class UntimedAttempt implements Attempt {
  readonly attempt: number;
  readonly #makeSignal: () => AbortSignal;

  constructor(attempt: number, makeSignal: () => AbortSignal) {
    this.attempt = attempt;
    this.#makeSignal = makeSignal;
  }

  get signal(): AbortSignal {
    return this.#makeSignal();
  }
}

/** What it gives or throws; TIMED_OUT when that takes too long. A promise only where one is needed. */
export function runAttempt<Result>(
  run: (attempt: Attempt) => Result | Promise<Result>,
  attempt: number,
  signal: () => AbortSignal,
  timeoutMs: number | undefined,
  name: string,
): Promise<Result> | Result {
  if (timeoutMs === undefined) return run(new UntimedAttempt(attempt, signal));
  return runTimed(run, attempt, signal(), timeoutMs, name);
}

async function runTimed<Result>(
  run: (attempt: Attempt) => Result | Promise<Result>,
  attempt: number,
  signal: AbortSignal,
  timeoutMs: number,
  name: string,
): Promise<Result> {
  const timedOut = new AbortController();
  const error = new TroupeError(
    "TIMED_OUT",
    `step "${name}" took longer than its timeout of ${formatMs(timeoutMs)}: make it faster or give it a longer timeout`,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        timedOut.abort(error);
        reject(error);
      },
      Math.min(timeoutMs, longestTimerMs),
    );
    timer.unref(); // an attempt that was left for good keeps no process alive
  });
  try {
    const both = AbortSignal.any([signal, timedOut.signal]);
    return await Promise.race([run({ attempt, signal: both }), late]);
  } finally {
    clearTimeout(timer);
  }
}
