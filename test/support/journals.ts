// What stands in the journals of tasks, and whether each operation was done once.
import assert from "node:assert/strict";
import type { Link } from "../../bus/connection/connection.js";
import { readJournal } from "../../bus/journal/journal.js";
import { isCompletion, type JournalEntry } from "../../protocol/journal.js";

export async function entriesOf(
  link: Link,
  agent: string,
  taskId: string,
): Promise<JournalEntry[]> {
  return (await readJournal(link, { agent, taskId })).entries;
}

/** No operation has two completions, and none is undone twice, or out of order. */
export function assertOnce(entries: readonly JournalEntry[]): void {
  const completed = entries.filter(isCompletion).map(({ op }) => op);
  assert.equal(new Set(completed).size, completed.length, "done twice");
  const undone = entries.flatMap((entry) =>
    entry.kind === "undone" ? [entry.op] : [],
  );
  const inReverse = completed.filter((op) => undone.includes(op)).reverse();
  assert.deepEqual(undone, inReverse, "undone in another order");
}
