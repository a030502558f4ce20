import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEntry } from "../../../protocol/journal.js";
import {
  answerTo,
  isOver,
  openQuestions,
} from "../../../protocol/plan/questions.js";
import type { TaskJournal } from "../../../protocol/task-journal.js";

const at = 0;
const signalWait = { type: "signal", name: "ok", at } as const;
const asked: JournalEntry = {
  kind: "done",
  op: 2,
  type: "step",
  name: "ok",
  at,
  value: { question: "?" },
};

const answer = (id: string, sequence: number) => ({
  name: "ok",
  id,
  value: { approved: true, by: id },
  sequence,
  at: new Date(at),
});

test("what another wait of the same name has taken answers nothing", () => {
  const entries: JournalEntry[] = [
    { kind: "begun", op: 1, ...signalWait },
    { kind: "done", op: 1, ...signalWait, id: "a" },
    asked,
    { kind: "begun", op: 3, ...signalWait },
  ];
  const journal = (...signals: TaskJournal["signals"]) => ({
    entries,
    signals,
  });
  assert.equal(openQuestions(journal(answer("a", 1))).length, 1);
  assert.equal(answerTo(journal(answer("a", 1)), "ok"), undefined);
  assert.equal(isOver(entries, "ok"), false);
  const both = journal(answer("a", 1), answer("b", 2));
  assert.deepEqual(openQuestions(both), []);
  assert.equal(answerTo(both, "ok")?.by, "b");
  entries.push({ kind: "done", op: 3, ...signalWait, id: "b" });
  assert.equal(answerTo(both, "ok")?.by, "b");
  assert.equal(isOver(entries, "ok"), true);
});

test("an answer that came early is one before the question is asked", () => {
  const journal = { entries: [], signals: [answer("a", 1)] };
  assert.equal(answerTo(journal, "ok")?.by, "a");
});
