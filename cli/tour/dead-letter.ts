import type { DeadLetter } from "../../bus/tasks/dead-letters.js";
import { TroupeError } from "../../protocol/errors.js";
import { weather } from "../demo/weather.js";
import type { Grounds } from "./grounds.js";
import { NotAsPromised, text, type Stage } from "./stage.js";

export async function deadLetter(
  stage: Stage,
  grounds: Grounds,
): Promise<void> {
  stage.begin("A failure that stays: the dead letter", [
    "No city is called Atlantis, so trying again is no use. The task fails and becomes",
    "a dead letter: it can be read, mended and sent off again.",
  ]);
  await using _worker = await grounds.bus.serve(weather, { signals: false });
  const input = { city: "Atlantis", failures: 0 };
  const task = await grounds.submit(weather.skills.forecast, input);
  const failure = await failureOf(task.result({ timeout: "10s" }));
  stage.expect(
    "the submitter is told why",
    failure instanceof TroupeError && failure.code === "HANDLER_REFUSED",
    "HANDLER_REFUSED",
    failure,
  );
  const letter = await letterOf(grounds, task.id);
  stage.show([
    ["dead letter", letter.taskId],
    ["why", `${letter.code}: ${letter.error}`],
    ["input", text(letter.input)],
  ]);
  stage.expect(
    "the letter keeps what was asked for",
    text(letter.input) === text(input),
    text(input),
    letter.input,
  );
  await mend(stage, grounds, letter);
}

async function mend(
  stage: Stage,
  grounds: Grounds,
  letter: DeadLetter,
): Promise<void> {
  const input = { city: "Oslo", failures: 0 };
  const redriven = await letter.redrive({ input });
  grounds.submitted.push(redriven);
  const output = await grounds.bus.task(redriven).result({ timeout: "10s" });
  stage.show([
    ["mended", text(input)],
    ["output", text(output)],
  ]);
  stage.expect(
    "mended and redriven, it succeeds",
    (output as { city?: string }).city === "Oslo",
    "the weather in Oslo",
    output,
  );
  const left = await lettersOf(grounds, letter.taskId);
  stage.expect("and the letter is gone", left.length === 0, "0", left.length);
}

async function letterOf(grounds: Grounds, id: string): Promise<DeadLetter> {
  const [letter] = await lettersOf(grounds, id);
  if (letter) return letter;
  throw new NotAsPromised(
    "the failed task is a dead letter",
    `one of task "${id}"`,
    "none",
  );
}

async function lettersOf(grounds: Grounds, task: string) {
  const letters: DeadLetter[] = [];
  for await (const letter of grounds.bus.deadLetters({ task }))
    letters.push(letter);
  return letters;
}

/** What it failed with; what it answered, if it did not. */
export async function failureOf(result: Promise<unknown>): Promise<unknown> {
  try {
    return await result;
  } catch (error) {
    return error;
  }
}
