import type { TaskEvent } from "../../protocol/task.js";
import { weather } from "../demo/weather.js";
import { detailOf } from "../event-line.js";
import type { Grounds } from "./grounds.js";
import { text, type Stage } from "./stage.js";

export async function retry(stage: Stage, grounds: Grounds): Promise<void> {
  stage.begin("A failure that goes away", [
    "What a handler throws is tried again after a growing pause. Here the weather",
    "station does not answer twice; the third attempt succeeds.",
  ]);
  await using _worker = await grounds.bus.serve(weather, { signals: false });
  const input = { city: "Bergen", failures: 2 };
  const task = await grounds.submit(weather.skills.forecast, input);
  const events: TaskEvent[] = [];
  for await (const event of task.events({ timeout: "10s" })) events.push(event);
  stage.show(events.map((event) => [event.kind, detailOf(event)]));
  const failed = events.filter(({ kind }) => kind === "attempt");
  const end = events.at(-1);
  stage.expect(
    "two attempts failed and are on the log",
    failed.length === 2,
    "2",
    failed.length,
  );
  stage.expect(
    "the third succeeded",
    end?.kind === "completed" && end.attempt === 3,
    `"completed" by attempt 3`,
    text([end?.kind, end?.attempt]),
  );
}
