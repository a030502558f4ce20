import assert from "node:assert/strict";
import { test } from "node:test";
import { alignColumns, shorten } from "../../cli/table.js";
import { painted } from "../../cli/visible.js";

const red = (text: string) => painted("red", text);

test("columns are as wide as their widest cell, whatever its colour", () => {
  const lines = alignColumns([
    ["a", red("bb"), "c"],
    ["aaa", "b", "c"],
    ["a", "", ""],
  ]);
  assert.deepEqual(lines, [`a    ${red("bb")}  c`, "aaa  b   c", "a"]);
});

test("a text is cut to one line of its length", () => {
  assert.equal(shorten("one\n two", 20), "one two");
  assert.equal(shorten("one two three", 8), "one two…");
});

test("colours do not count for the length, and none is cut in half", () => {
  const coloured = Array.from({ length: 9 }, () => red("C")).join(" ");
  assert.equal(shorten(coloured, 17), coloured);
  assert.equal(shorten(coloured, 8), "C C C C…");
});
