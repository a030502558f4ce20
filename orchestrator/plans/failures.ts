// What a plan fails with: the error of the innermost step, by its name.
import { isOfOneTask, TroupeError } from "../../protocol/errors.js";

const alreadyNamed = new WeakSet<object>();
const outOfTimes = new WeakSet<object>();
const outOfCalls = new WeakSet<object>();

/** With the name of the step, the innermost; trying the plan again is of no use, for its journal says the same. */
export function named(error: unknown, place: string): unknown {
  if (!(error instanceof TroupeError) || alreadyNamed.has(error)) return error;
  const { code, message, data } = error;
  const own = new TroupeError(
    isOfOneTask(error) ? "PLAN_FAILED" : code,
    `step "${place}" failed: ${message}`,
    {
      cause: error,
      retryable: false,
      data: { ...data, step: place },
    },
  );
  alreadyNamed.add(own);
  if (outOfTimes.has(error)) outOfTimes.add(own);
  return own;
}

export const isOutOfTime = (error: unknown): boolean =>
  outOfTimes.has(error as object);

export function outOfTime(what: string, time: string | number): TroupeError {
  const error = new TroupeError(
    "BUDGET_EXCEEDED",
    `${what} took longer than its budget of ${time}: raise budget.time`,
  );
  outOfTimes.add(error);
  return error;
}

/** Of a budget of this plan: one that is called may have used up its own. */
export const isOutOfCalls = (error: unknown): boolean =>
  outOfCalls.has(error as object);

/** `cause` is why the last call did not do. */
export function usedUp(
  what: string,
  most: number,
  cause: unknown,
): TroupeError {
  const error = new TroupeError(
    "BUDGET_EXCEEDED",
    `${what} has made the ${most} calls that its budget allows: raise budget.attempts, or retry less`,
    cause === undefined ? {} : { cause },
  );
  outOfCalls.add(error);
  return error;
}
