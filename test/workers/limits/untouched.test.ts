import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entrant } from "../../../workers/limits/entrant.js";
import { Untouched } from "../../../workers/limits/untouched.js";

/** The nth delivery of a message of a task, of which nothing says that it may be known. */
function delivered(count: number, streamSequence: number): Entrant {
  const delivery = { count, streamSequence };
  return { id: "t", delivery, mayBeKnown: () => count > 1 } as Entrant;
}

test("a task that was sent away and comes next is untouched, and one that was elsewhere meanwhile is not", () => {
  const untouched = new Untouched();
  untouched.sentAway(delivered(1, 7));
  assert.equal(untouched.has(delivered(2, 7)), true);
  assert.equal(untouched.has(delivered(3, 7)), false);
});

test("a task that slept and came back to another, who died, is not taken for one that was sent away here before", () => {
  const untouched = new Untouched();
  untouched.sentAway(delivered(1, 7));
  assert.equal(untouched.has(delivered(2, 8)), false);
});
