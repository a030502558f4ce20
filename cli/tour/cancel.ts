import type { TaskEvent } from "../../protocol/task.js";
import { TroupeError } from "../../protocol/errors.js";
import { counter } from "../demo/counter.js";
import { detailOf } from "../event-line.js";
import { failureOf } from "./dead-letter.js";
import type { Grounds } from "./grounds.js";
import { text, type Stage } from "./stage.js";

export async function cancelTask(
  stage: Stage,
  grounds: Grounds,
): Promise<void> {
  stage.begin("Watch it, then call it off", [
    "A task that would take a minute tells how far it is. That is seen live and not",
    "stored. Then it is canceled, and its handler is told to stop.",
  ]);
  await using worker = await grounds.bus.serve(counter, {
    ackWait: "1s",
    signals: false,
  });
  const task = await grounds.submit(counter.skills.count, {
    to: 600,
    everyMs: 100,
  });
  const events: TaskEvent[] = [];
  for await (const event of task.events({ timeout: "10s" })) {
    events.push(event);
    if (events.length === 3) await task.cancel("seen enough");
  }
  stage.show(events.map((event) => [event.kind, detailOf(event)]));
  const end = events.at(-1);
  stage.expect(
    "its progress was seen while it ran",
    events[0]?.kind === "progress",
    `"progress"`,
    events[0]?.kind,
  );
  stage.expect(
    "it ended as canceled",
    end?.kind === "canceled",
    `"canceled"`,
    end?.kind,
  );
  const failure = await failureOf(task.result({ timeout: "5s" }));
  stage.expect(
    "and whoever waits for it is told",
    failure instanceof TroupeError && failure.code === "TASK_CANCELED",
    "TASK_CANCELED",
    text(failure),
  );
  await worker.drain();
  stage.expect(
    "its handler has stopped",
    worker.card().running === 0,
    "0 running",
    worker.card().running,
  );
}
