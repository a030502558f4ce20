import { writer } from "../demo/writer.js";
import type { Grounds } from "./grounds.js";
import { text, type Stage } from "./stage.js";

export async function firstTask(stage: Stage, grounds: Grounds): Promise<void> {
  stage.begin("A task and its result", [
    `The agent "writer" waits for tasks. One is submitted: once the server has`,
    "stored it, it will end exactly once, whatever dies. Then its result is awaited.",
  ]);
  await using _worker = await grounds.bus.serve(writer, { signals: false });
  const input = { text: "rain fell for a week, and the river rose." };
  const task = await grounds.submit(writer.skills.headline, input);
  const output = await task.result({ timeout: "10s" });
  stage.show([
    ["task", task.id],
    ["input", text(input)],
    ["output", text(output)],
  ]);
  stage.expect(
    "the agent's result came back",
    output.headline === "Rain Fell For A Week",
    `"Rain Fell For A Week"`,
    output,
  );
  const quick = await grounds.bus.ask(writer.skills.headline, input);
  stage.expect(
    "and the same by plain request-reply, stored nowhere",
    quick.headline === output.headline,
    text(output),
    quick,
  );
}
