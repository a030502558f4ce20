// Waiting for what may never end.
import { longestTimerMs } from "./duration.js";

/** True as soon as the work has ended, whichever way; false when it has not by then. */
export async function settledWithin(
  ms: number,
  work: Promise<unknown>,
): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, longestTimerMs), false);
  });
  const isInTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  return isInTime;
}
