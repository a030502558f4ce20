import assert from "node:assert/strict";
import type { Bus, DeadLetter } from "../../index.js";

/** The dead letter of a task, of which there is one. */
export async function letterOf(bus: Bus, task: string): Promise<DeadLetter> {
  const letters: DeadLetter[] = [];
  for await (const letter of bus.deadLetters({ task })) letters.push(letter);
  assert.equal(letters.length, 1, `one dead letter of "${task}"`);
  return letters[0]!;
}
