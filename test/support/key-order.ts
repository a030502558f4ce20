// What a diary says of the order of keys (R4): a task's note is its key and its number, from 0.
import assert from "node:assert/strict";
import type { Entry } from "./hands.js";

/**
 * A task may be begun again after its worker was killed, and nothing else may happen out of turn. Answers how
 * often that was.
 */
export function checkOrder(
  key: string,
  all: Entry[],
  total: number,
  killed: Set<number>,
): number {
  let last = -1;
  let open: Entry | undefined;
  let repeats = 0;
  for (const entry of all) {
    const [name, n] = entry.note.split(" ");
    if (name !== key) continue;
    const line = `${entry.what} of ${entry.note} by ${entry.pid}`;
    if (entry.what === "finish") {
      assert.deepEqual([open?.pid, open?.note], [entry.pid, entry.note], line);
      open = undefined;
      continue;
    }
    if (open)
      assert.ok(killed.has(open.pid), `${line} while ${open.note} runs`);
    if (Number(n) === last) repeats++;
    else {
      assert.equal(Number(n), last + 1, `${line} out of turn`);
      assert.equal(open, undefined, `${line} before ${open?.note} finished`);
    }
    last = Number(n);
    open = entry;
  }
  assert.equal(last, total - 1, `${key} is not done`);
  return repeats;
}
