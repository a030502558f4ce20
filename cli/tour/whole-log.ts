import { isTerminal, type TaskEvent } from "../../protocol/task.js";
import type { Grounds } from "./grounds.js";
import { text, type Stage } from "./stage.js";

export async function wholeLog(stage: Stage, grounds: Grounds): Promise<void> {
  stage.begin("All of it again, from the log", [
    "Nothing was kept by this process: the whole story is read back from the log, and",
    "folded into the state of every task.",
  ]);
  const startedAt = Date.now();
  const kinds = new Map<string, number>();
  const ends = new Map<string, TaskEvent[]>();
  for await (const event of grounds.bus.replay()) {
    kinds.set(event.kind, (kinds.get(event.kind) ?? 0) + 1);
    if (!isTerminal(event.kind)) continue;
    ends.set(event.taskId, [...(ends.get(event.taskId) ?? []), event]);
  }
  const total = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  stage.show([
    ["replayed", `${total} events in ${Date.now() - startedAt} ms`],
    ...rows(kinds),
  ]);
  const { submitted } = grounds;
  const once = submitted.filter((id) => ends.get(id)?.length === 1);
  stage.expect(
    `each of the ${submitted.length} tasks of this tour ended exactly once`,
    once.length === submitted.length && ends.size === submitted.length,
    `${submitted.length} ends`,
    text({ once: once.length, ended: ends.size }),
  );
  const waiting = (await grounds.bus.tasks()).filter(({ state }) =>
    ["submitted", "working"].includes(state),
  );
  stage.expect(
    "and none is left over",
    waiting.length === 0,
    "0 waiting",
    waiting.length,
  );
}

/** In the order of a task's life; a first start leaves no event, so what is told of starts is told of later ones. */
const labels: Partial<Record<TaskEvent["kind"], string>> = {
  attempt: "attempt failed",
  started: "started again",
  returned: "given back",
  completed: "completed",
  failed: "failed",
  canceled: "canceled",
  rejected: "rejected",
};

function rows(kinds: ReadonlyMap<string, number>): [string, string][] {
  return Object.entries(labels)
    .filter(([kind]) => kinds.has(kind))
    .map(([kind, label]) => [label, String(kinds.get(kind))]);
}
