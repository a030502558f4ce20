// Calling a skill to undo something. The handler of a plan is over then, so this is no operation of its task; it is
// done once all the same, for the id of the called task follows from the plan's task and the step.
import type { CallOptions } from "../../bus/tasks/submit-options.js";
import type { Target } from "../../bus/tasks/target.js";
import type { TaskSummary } from "../../bus/tasks/task-list.js";
import type { TaskState } from "../../protocol/task.js";

export interface UndoHost {
  call(target: Target, input: unknown, options: CallOptions): Promise<unknown>;
  find(id: string): Promise<TaskSummary | undefined>;
}

const inVain: readonly TaskState[] = ["failed", "canceled", "rejected"];
const patience = "10m";

/** A call that has failed is made again under the next id: each attempt to undo is one task. */
export async function callForUndo(
  host: UndoHost,
  target: Target,
  input: unknown,
  id: string,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? id : `${id}~${attempt}`;
    const known = await host.find(name);
    if (known && inVain.includes(known.state)) continue;
    return host.call(target, input, { id: name, timeout: patience });
  }
}
