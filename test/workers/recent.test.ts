import assert from "node:assert/strict";
import { test } from "node:test";
import { Canceled } from "../../workers/canceled.js";

test("what was canceled last is remembered, and only so much", () => {
  const canceled = new Canceled();
  for (let id = 0; id < 10_000; id++) canceled.add(String(id));
  canceled.add("0"); // again: it is the newest now
  canceled.add("one more");
  assert.deepEqual(
    ["0", "1", "2", "one more"].map((id) => canceled.has(id)),
    [true, false, true, true],
  );
});
