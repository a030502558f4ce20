// Which questions of a plan people are shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { questionsOf } from "../../cli/plan-questions.js";
import type { JournalEntry } from "../../protocol/journal.js";
import type { TaskSummary } from "../../bus/tasks/task-list.js";

const plan = {
  taskId: "p",
  agent: "orchestrator",
  skill: "plan.run",
  state: "working",
} as TaskSummary;

const asked: JournalEntry[] = [
  {
    kind: "done",
    op: 1,
    type: "step",
    name: "ok",
    at: 0,
    value: { question: "Good?" },
  },
  { kind: "begun", op: 2, type: "signal", name: "ok", at: 0, until: 1 },
];

const sent = (value: unknown) => [
  { name: "ok", id: "1", value, at: new Date(0), sequence: 1 },
];

const stepsAsked = (signals: ReturnType<typeof sent>) =>
  questionsOf(plan, { entries: asked, signals }).map(({ step }) => step);

test("what has been answered is not asked again, though nobody has taken it up yet", () => {
  assert.deepEqual(stepsAsked([]), ["ok"]);
  assert.deepEqual(stepsAsked(sent({ approved: true })), []);
});

test("what is no answer leaves the question open", () => {
  assert.deepEqual(stepsAsked(sent("yes")), ["ok"]);
});
