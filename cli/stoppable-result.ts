// The result of a task that may be stopped: then it would only be waited for until somebody serves another version.
import { setTimeout as pause } from "node:timers/promises";
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import type { Duration } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import type { TaskEvent } from "../protocol/task.js";
import type { Bus } from "../troupe.js";

const lookEveryMs = 200;

/** Throws what the task failed with, WAIT_TIMED_OUT, or STEP_MISMATCH as soon as its handler is known not to fit. */
export async function resultUnlessStopped(
  bus: Bus,
  task: TaskHandle,
  timeout: Duration,
): Promise<unknown> {
  const waiting = new AbortController();
  const result = task.result({ timeout });
  result.catch(() => undefined); // nobody waits for it any more when the task is stopped
  try {
    return await Promise.race([
      result,
      untilStopped(bus, task, waiting.signal),
    ]);
  } finally {
    waiting.abort();
  }
}

/** Never resolves; throws when it is told to stop, which nobody hears any more. */
async function untilStopped(
  bus: Bus,
  task: TaskHandle,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    const last = await lastEvent(bus, task);
    if (last?.kind === "returned" && last.error?.code === "STEP_MISMATCH")
      throw new TroupeError("STEP_MISMATCH", last.error.message);
    await pause(lookEveryMs, undefined, { signal });
  }
}

/** An attempt that does not fit is given back; one that goes on since has begun another. */
async function lastEvent(
  bus: Bus,
  { id, agent }: TaskHandle,
): Promise<TaskEvent | undefined> {
  const whose = agent === undefined ? {} : { agent };
  let last: TaskEvent | undefined;
  for await (const event of bus.replay({ task: id, ...whose })) last = event;
  return last;
}
