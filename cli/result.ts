// What a task came to, as it is told to who waits for it.
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import { TroupeError } from "../protocol/errors.js";
import type { TaskState } from "../protocol/task.js";
import { inOptions } from "./advice.js";
import { exitCodes, type ExitCode } from "./exit.js";
import type { Call } from "./verb.js";
import { inJson } from "./visible.js";
import { whileWaiting } from "./waiting.js";

/**
 * Waits for it and prints it, for programs with these facts beside it; of a task that has not come to it says why, and
 * where it stands. Throws what `result` threw where no such task is known.
 */
export async function tellResult(
  call: Call,
  task: TaskHandle,
  result: () => Promise<unknown>,
  facts: object,
): Promise<ExitCode> {
  try {
    const output = await whileWaiting(call, task, result);
    call.output.result({ ...facts, output }, () => inFull(output));
    return exitCodes.done;
  } catch (thrown) {
    const error = inOptions(thrown, call.options);
    const { id: taskId, agent } = task;
    const state = await task.state().catch(() => undefined);
    if (state === undefined) throw error; // it was never accepted
    if (call.output.json) call.output.object({ taskId, agent, state, error });
    else call.output.error(nameTask(error, taskId, state));
    return exitCodes.taskFailed;
  }
}

/** It stays JSON, for whoever pipes it on. */
export const inFull = (value: unknown): string =>
  inJson(JSON.stringify(value, undefined, 2) ?? "");

const verbs: Partial<Record<TaskState, string>> = {
  failed: "has",
  canceled: "was",
  rejected: "was",
};

/** The id, for whoever wants to see more of it with `troupe tasks show`. */
export function nameTask(
  error: unknown,
  taskId: string,
  state: TaskState,
): unknown {
  if (!(error instanceof TroupeError) || error.message.includes(taskId))
    return error;
  const { code, message } = error;
  return new TroupeError(
    code,
    `${message} (task "${taskId}" ${verbs[state] ?? "is"} ${state})`,
    {
      cause: error,
    },
  );
}
