import type { TaskEvent } from "../../protocol/task.js";
import type { TaskHandle } from "../../bus/tasks/task-handle.js";
import { counter } from "../demo/counter.js";
import { detailOf } from "../event-line.js";
import type { Grounds } from "./grounds.js";
import { text, type Stage } from "./stage.js";
import { startWorkerProcess } from "./worker-process.js";

const input = { to: 12, everyMs: 100 };
/** As far as the first worker gets. */
const killAt = 4;
const patience = "15s";

export async function killedWorker(
  stage: Stage,
  grounds: Grounds,
): Promise<void> {
  stage.begin("A worker is killed in the middle of a task", [
    "Another process works on a slow task. It is killed with -9: it can neither say",
    "goodbye nor give anything back. The server notices, and another worker finishes.",
  ]);
  const { bus } = grounds;
  const demo = new URL("../demo/counter.js", import.meta.url);
  await using worker = await startWorkerProcess(demo, grounds);
  const name = `process ${worker.pid}`;
  stage.show([[name, `serves "counter"`]]);
  const task = await grounds.submit(counter.skills.count, input);
  const first = await progressOf(task, killAt);
  stage.show([[name, `counts: ${detailOf(first)}`]]);
  const signal = await worker.kill();
  stage.show([[name, `ended by ${signal}`]]);
  stage.expect("the worker is dead", signal === "SIGKILL", "SIGKILL", signal);
  const ended = await bus.task(task.id).state();
  stage.expect(
    "its task is not",
    ended === "submitted" || ended === "working",
    `"submitted" or "working"`,
    ended,
  );
  await finishHere(stage, grounds, task, first.instance);
}

async function finishHere(
  stage: Stage,
  { bus }: Grounds,
  task: TaskHandle<{ counted: number; byProcess: number }>,
  dead: string | undefined,
): Promise<void> {
  await using _worker = await bus.serve(counter, {
    ackWait: "1s",
    signals: false,
  });
  const events: TaskEvent[] = [];
  for await (const event of task.events({ timeout: patience }))
    if (event.kind !== "progress") events.push(event);
  const output = await task.result();
  stage.show(
    events.map((event) => [
      `process ${process.pid}`,
      `${event.kind} ${event.kind === "started" ? `attempt ${event.attempt}` : detailOf(event)}`,
    ]),
  );
  const end = events.at(-1);
  stage.expect(
    "another worker finished it, in its second attempt",
    end?.kind === "completed" && end.attempt === 2 && end.instance !== dead,
    `"completed" by attempt 2 of another instance`,
    text([end?.kind, end?.attempt, end?.instance]),
  );
  stage.expect(
    "and the result is this process's",
    output.byProcess === process.pid,
    String(process.pid),
    output,
  );
}

/** The first event that says it is so far. */
async function progressOf(task: TaskHandle, far: number): Promise<TaskEvent> {
  for await (const event of task.events({ timeout: patience }))
    if ((event.progress?.progress ?? 0) >= far) return event;
  throw new Error(`task "${task.id}" ended before its worker could be killed`);
}
