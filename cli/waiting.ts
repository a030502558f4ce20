// What is said to who waits for a task: which it is, and, when they have had enough, that it goes on without them.
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import { commandLine } from "./command-line.js";
import { interrupted } from "./session.js";
import type { Call } from "./verb.js";

/** `01K0…`, or that what was just submitted is none that is new. */
export const idText = ({ id, duplicate }: TaskHandle): string =>
  `${id}${duplicate ? "  (was submitted before)" : ""}`;

/** Waits for what comes of it. Ctrl-C ends the process, not the task. */
export async function whileWaiting<Result>(
  call: Call,
  task: TaskHandle,
  work: () => Promise<Result>,
): Promise<Result> {
  call.output.note(`task ${idText(task)}`);
  const leave = () => {
    tellItGoesOn(call, task.id);
    process.exit(interrupted);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.once(signal, leave);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, leave);
  }
}

function tellItGoesOn({ output }: Call, taskId: string): void {
  if (output.json) output.object({ taskId, interrupted: true });
  else
    output.note(
      `task ${taskId} goes on; how it is: ${commandLine`tasks show ${taskId}`}`,
    );
}
