// troupe tasks cancel: what became of it, for one with durable steps does not end at once.
import { userInfo } from "node:os";
import { misfitOf, type Misfit } from "../protocol/journal.js";
import { isTerminal, type TaskState } from "../protocol/task.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { withBus } from "./session.js";
import type { Call, Options } from "./verb.js";

export const cancelOptions: Options = {
  reason: { type: "string", value: "TEXT", help: "cancel: why" },
  "no-undo": {
    type: "boolean",
    help: "cancel: end it at once, without undoing what it did; its dead letter says what stands",
  },
};

export function cancel(call: Call): Promise<ExitCode> {
  const taskId = call.word(1, "the task's ID");
  call.atMost(2);
  const undo = !call.flag("no-undo");
  return withBus(call, async (bus) => {
    const by = userInfo().username;
    const reason = call.text("reason") ?? "";
    const canceled = await bus.task(taskId).cancel(reason, { undo, by });
    const task = await bus.find(taskId);
    const misfit = canceled && task ? await misfitTo(bus, task) : undefined;
    const said = { taskId, canceled, state: task?.state };
    call.output.result(misfit ? { ...said, mismatch: misfit } : said, () =>
      canceled
        ? canceledText(taskId, task?.state ?? "canceled", undo, misfit)
        : `task ${taskId} had ended before: nothing to cancel`,
    );
    return exitCodes.done;
  });
}

/** What keeps it from being undone; undefined where nothing does. */
async function misfitTo(
  bus: Bus,
  { taskId, agent, state }: TaskSummary,
): Promise<Misfit | undefined> {
  if (isTerminal(state)) return undefined;
  return misfitOf((await bus.journal(taskId, { agent })).entries);
}

function canceledText(
  taskId: string,
  state: TaskState,
  undo: boolean,
  misfit: Misfit | undefined,
): string {
  if (state === "failed")
    return `ended ${taskId}${undo ? ", which could not be undone" : " without undoing what it did"}; what stands: ${commandLine`dead show ${taskId}`}`;
  if (isTerminal(state)) return `canceled ${taskId}`;
  if (!misfit)
    return `canceled ${taskId}: it ends when what it did is undone; how far that is: ${commandLine`tasks show ${taskId}`}`;
  const { version, expected, found } = misfit;
  return [
    `${taskId} is canceled as soon as a version of its handler comes that fits its journal: what it did is to be undone, and version ${version} does not fit (expected ${expected}, found ${found})`,
    `to end it now, without undoing: ${commandLine`tasks cancel ${taskId} --no-undo`}`,
  ].join("\n");
}
