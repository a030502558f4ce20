// Results that are larger than a message, and many of them at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readJournal } from "../../../bus/journal/journal.js";
import { eventually } from "../../support/eventually.js";
import { assertOnce, entriesOf } from "../../support/journals.js";
import { broken, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const megabyte = 1_000_000;

const digits = (length: number, of: number) => String(of).repeat(length);

test("a step's result of three megabytes is there when its handler is run again, and for its undo", async (t) => {
  const bus = await shared.connect(t);
  const undone: number[] = [];
  const { runs } = await serveSaga(bus, async (task, input) => {
    const text = await task.step("large", () => digits(3 * megabyte, 7), {
      undo: (result) => undone.push(result.length),
    });
    const bytes = await task.step("bytes", () => new Uint8Array(2 * megabyte));
    await task.sleep("1600ms");
    if (input === "fail") throw broken();
    return [text.length, text.at(-1), bytes.length];
  });
  assert.deepEqual(await bus.call("saga.run", {}), [
    3 * megabyte,
    "7",
    2 * megabyte,
  ]);
  assert.equal(runs(), 2);
  await assert.rejects(bus.call("saga.run", "fail"), /broken/);
  assert.deepEqual(undone, [3 * megabyte]);
});

test("results that are larger than a message together are kept, each once", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task) => {
    const sizes = await task.map(
      Array.from({ length: 60 }, (_, n) => n),
      (n) => task.step(`n${n}`, () => digits(100_000, n % 10)),
    );
    await task.sleep("1600ms");
    return sizes.reduce((sum, { length }) => sum + length, 0);
  });
  const task = await bus.submit("saga.run", {}, { id: "many" });
  assert.equal(await task.result(), 6 * megabyte);
  const entries = await entriesOf(await shared.link(t), "saga", "many");
  assertOnce(entries);
});

test("a call whose input and result are larger than a message together is journaled", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task, input) => {
    if (typeof input === "string") return input.toUpperCase();
    const text = digits(700_000, 1);
    const said = (await task.call("saga.run", text)) as string;
    await task.sleep("1600ms");
    return said.length;
  });
  assert.equal(await bus.call("saga.run", {}), 700_000);
});

test("a task that continues leaves none of its earlier results behind", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task, input) => {
    const n = (input as { n: number }).n;
    await task.step("large", () => digits(2 * megabyte, n));
    if (n < 3) return task.continueAs({ n: n + 1 });
    return n;
  });
  await bus.submit("saga.run", { n: 0 }, { id: "loop" });
  assert.equal(await bus.task("loop").result(), 3);
  const link = await shared.link(t);
  const { streams, journalParts } = link.subjects;
  const subject = journalParts({ agent: "saga", taskId: "loop" });
  const { state } = await link.jsm.streams.info(streams.journal, {
    subjects_filter: subject,
  });
  // One that says that the earlier ones are gone, and those of the last run.
  assert.equal(state.subjects?.[subject], 3);
});

test("a result that is too large for a journal fails its task, which is undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await task.step("small", () => "small", {
      undo: (result) => undone.push(result),
    });
    await task.step("huge", () => new Uint8Array(65 * 1024 * 1024));
  });
  await assert.rejects(bus.call("saga.run", {}), {
    code: "PAYLOAD_TOO_LARGE",
    message: /let steps return less/,
  });
  assert.deepEqual(undone, ["small"]);
});

test("what is done at the same time as a result that is too large is undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    const undo = (result: string) => undone.push(result);
    await task.step("first", () => "first", { undo });
    await task.all([
      task.step("alone", () => "alone", { undo }), // the others wait for it to be written
      task.step("before", () => "before", { undo }),
      task.step("huge", () => new Uint8Array(65 * 1024 * 1024)),
      task.step("after", () => "after", { undo }),
    ]);
  });
  await assert.rejects(bus.call("saga.run", {}, { timeout: "20s" }), {
    code: "PAYLOAD_TOO_LARGE",
  });
  assert.deepEqual(undone, ["after", "before", "alone", "first"]);
});

test("results that are larger together than a journal takes at once are all kept", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task) => {
    await task.step("first", () => 1);
    const sizes = await task.all(
      ["a", "b", "c"].map((name) =>
        task.step(name, () => new Uint8Array(30 * megabyte)),
      ),
    );
    return sizes.map(({ length }) => length / megabyte);
  });
  const result = bus.call("saga.run", {}, { timeout: "20s" });
  assert.deepEqual(await result, [30, 30, 30]);
});

test("an input that is too large to continue with fails its task, which is undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await task.step("small", () => "small", {
      undo: (result) => undone.push(result),
    });
    return task.continueAs(new Uint8Array(65 * 1024 * 1024));
  });
  await assert.rejects(bus.call("saga.run", {}, { timeout: "20s" }), {
    code: "PAYLOAD_TOO_LARGE",
    message: /let it continue with less/,
  });
  assert.deepEqual(undone, ["small"]);
});

test("a journal that has lost a part is not taken for whole", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task) => {
    await task.step("large", () => digits(2 * megabyte, 1));
    await task.sleep("1h");
  });
  await bus.submit("saga.run", {}, { id: "torn" });
  await eventually(() => worker.counts.parked === 1);
  const link = await shared.link(t);
  const task = { agent: "saga", taskId: "torn" };
  await link.jsm.streams.purge(link.subjects.streams.journal, {
    filter: link.subjects.journalParts(task),
  });
  await assert.rejects(readJournal(link, task), { code: "JOURNAL_UNREADABLE" });
});
