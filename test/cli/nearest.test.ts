import assert from "node:assert/strict";
import { test } from "node:test";
import { unknownWord } from "../../cli/nearest.js";
import { nearest } from "../../protocol/nearest.js";

const verbs = ["submit", "ask", "tasks", "tail", "replay", "dead", "agents"];

test("a word with one or two mistakes is known", () => {
  assert.equal(nearest("sumbit", verbs), "submit");
  assert.equal(nearest("task", verbs), "tasks");
  assert.equal(nearest("relpay", verbs), "replay");
  assert.equal(nearest("lss", ["ls", "show"]), "ls");
});

test("the beginning of a word is known", () => {
  assert.equal(nearest("age", verbs), "agents");
});

test("a word like none is not guessed at", () => {
  assert.equal(nearest("frobnicate", verbs), undefined);
  assert.equal(
    unknownWord("verb", "frobnicate", ["ask", "dead"]),
    `unknown verb "frobnicate": there are ask, dead`,
  );
});
