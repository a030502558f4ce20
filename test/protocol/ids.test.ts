import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, newToken } from "../../protocol/ids.js";
import {
  defaultLevel,
  isLevel,
  levels,
  levelWeights,
} from "../../protocol/levels.js";
import { encodeToken } from "../../protocol/tokens.js";

test("ids sort as they were made, also within one millisecond", () => {
  const ids = Array.from({ length: 5_000 }, newId);
  assert.deepEqual(ids, [...ids].sort());
  assert.equal(new Set(ids).size, ids.length);
});

test("ids and tokens stand in a subject as they are", () => {
  for (const text of [newId(), newToken()])
    assert.equal(encodeToken(text), text);
  assert.equal(new Set(Array.from({ length: 5_000 }, newToken)).size, 5_000);
});

test("each level weighs twice the next lower one", () => {
  assert.deepEqual(
    levels.map((level) => levelWeights[level]),
    [8, 4, 2, 1],
  );
  assert.equal(defaultLevel, "normal");
});

test("only the four names are levels", () => {
  assert.ok(levels.every(isLevel));
  for (const other of ["urgent", "", "Critical", undefined, 1, "toString"])
    assert.equal(isLevel(other), false);
});
