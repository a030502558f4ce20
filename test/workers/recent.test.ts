import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "../../workers/recent.js";

test("what came last is remembered, and only so much", () => {
  const recent = new Recent<string, number>();
  for (let id = 0; id < 10_000; id++) recent.set(String(id), id);
  recent.set("0", -1); // again: it is the newest now
  recent.set("one more", 0);
  assert.deepEqual(
    ["0", "1", "2", "one more"].map((id) => recent.get(id)),
    [-1, undefined, 2, 0],
  );
});
