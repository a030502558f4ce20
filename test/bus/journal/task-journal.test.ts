import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskJournal } from "../../../index.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { trips } from "../../support/trips.js";

const shared = sharedServer();
const { book } = trips.skills;

const names = ({ entries }: TaskJournal) =>
  entries.map((entry) =>
    "name" in entry ? `${entry.kind} ${entry.name}` : entry.kind,
  );

test("the journal of an ended task has all that it did, with its input and what came of it", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(trips, quiet);
  const output = await bus.call(book, { to: "Rome" }, { id: "rome" });
  const journal = await bus.journal("rome");
  assert.deepEqual(names(journal), [
    "begun flight",
    "done flight",
    "done trips.price",
    "attempt hotel",
    "done hotel",
  ]);
  assert.equal(journal.agent, "trips");
  assert.equal(journal.skill, "book");
  assert.equal(journal.state, "completed");
  assert.deepEqual(journal.input, { to: "Rome" });
  assert.deepEqual(journal.output, output);
  const last = journal.entries.at(-1);
  assert.ok(last?.kind === "done");
  assert.deepEqual(last.value, {
    name: "hotel in Rome",
    key: Buffer.from([1, 2, 3]),
  });
  assert.equal(last.attempt, 2);
});

test("a task that waits for a signal is input-required, and says what it waits for and until when", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(trips, quiet);
  await bus.orchestrate(quiet);
  const input = { to: "Oslo", approve: true };
  const task = await bus.submit(book, input, { id: "oslo" });
  await eventually(() => worker.counts.parked === 1);
  const found = await bus.find("oslo");
  assert.equal(found?.state, "input-required");
  assert.equal(found?.waitsFor, 'signal "approval"');
  const inMs = found.dueAt!.getTime() - Date.now();
  assert.ok(inMs > 3_600_000 && inMs < 7_300_000, String(inMs));
  assert.equal(await task.state(), "input-required");
  const [listed] = await bus.tasks({ limit: 1 });
  assert.equal(listed?.state, "input-required");
  const asked = await bus.query.tasks({ state: "input-required" });
  assert.deepEqual(
    asked.tasks.map(({ taskId, state, waitsFor }) => [taskId, state, waitsFor]),
    [["oslo", "input-required", 'signal "approval"']],
  );
  const working = await bus.query.tasks({ state: ["working", "submitted"] });
  assert.deepEqual(working.tasks, []);
  const journal = await bus.journal("oslo");
  assert.equal(journal.waitsFor, 'signal "approval"');
  assert.equal(names(journal).at(-1), "begun approval");
  await task.signal("approval", "what?");
  await task.signal("approval", { ok: true });
  await task.result();
  const after = await bus.journal("oslo");
  assert.deepEqual(names(after).slice(-2), [
    "refused approval",
    "done approval",
  ]);
  assert.deepEqual(
    after.signals.map(({ value }) => value),
    ["what?", { ok: true }],
  );
  assert.equal(after.waitsFor, undefined);
});

test("a task that sleeps is working", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(trips, quiet);
  const task = await bus.submit(book, { to: "Bern", sleep: true });
  await eventually(() => worker.counts.parked === 1);
  const found = await bus.find(task.id);
  assert.equal(found?.state, "working");
  assert.equal(found?.waitsFor, found?.dueAt?.toISOString());
});

test("a task that did nothing durable has an empty journal, and one that never was has none", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => 1),
    quiet,
  );
  await bus.call("doer.do", {}, { id: "plain" });
  const { entries, signals, output } = await bus.journal("plain");
  assert.deepEqual([entries, signals, output], [[], [], 1]);
  await assert.rejects(bus.journal("nothing"), { code: "TASK_UNKNOWN" });
});

test("a journal outlives the history of its task, until it is purged", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await bus.serve(trips, quiet);
  await bus.call(book, { to: "Rome" }, { id: "old" });
  const { streams } = link.subjects;
  await link.jsm.streams.purge(streams.events);
  // Its message leaves the queue only after its end is told.
  await eventually(async () => (await bus.find("old")) === undefined);
  const journal = await bus.journal("old");
  assert.equal(journal.agent, "trips");
  assert.equal(journal.state, undefined);
  assert.equal(journal.entries.length, 5);
  await link.jsm.streams.purge(streams.journal);
  await assert.rejects(bus.journal("old"), { code: "TASK_UNKNOWN" });
});

test("the journal of a task that went on with another input begins with that", async (t) => {
  const bus = await shared.connect(t);
  const counter = doer(async (input, task) => {
    const n = await task.step("count", () => (input as number) + 1);
    return n < 3 ? task.continueAs(n) : n;
  });
  await bus.serve(counter, quiet);
  assert.equal(await bus.call("doer.do", 0, { id: "c" }), 3);
  const journal = await bus.journal("c");
  assert.deepEqual(names(journal), ["continued", "done count"]);
  assert.equal(journal.input, 2);
});
