// Tasks that are ended without undoing what they did.
import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, pendingTask } from "../../../bus/history/history.js";
import { readJournal } from "../../../bus/journal/journal.js";
import { JournalWriter } from "../../../bus/journal/journal-writer.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { Bus } from "../../../index.js";
import { TroupeError } from "../../../protocol/errors.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { toRpcError } from "../../../protocol/rpc.js";
import { gate } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** What it did can be undone, and each undo is told. */
const serve = (bus: Bus, names: string[], undone: string[]) =>
  serveSaga(bus, async (task) => {
    await doSteps(task, names, (name) => undone.push(name));
    return task.waitFor("go");
  });

for (const key of [undefined, "k"])
  test(`a task whose handler does not fit is ended at once, and undone when somebody orders it (${key ? "with" : "without"} a key)`, async (t) => {
    const bus = await shared.connect(t);
    const link = await shared.link(t);
    const undone: string[] = [];
    const { worker } = await serve(bus, ["a", "b"], undone);
    const options = { id: "m", ...(key === undefined ? {} : { key }) };
    const task = await bus.submit("saga.run", {}, options);
    await eventually(async () => (await bus.journal("m")).entries.length === 4);
    await worker.drain();
    const { worker: other } = await serve(bus, ["x"], undone);
    await eventually(async () =>
      (await bus.journal("m")).entries.some(({ kind }) => kind === "mismatch"),
    );
    assert.equal(await task.cancel("enough", { undo: false, by: "ann" }), true);
    await assert.rejects(task.result(), {
      code: "UNDO_FAILED",
      message:
        'enough; and it was ended by ann without undoing what it did. Undone: nothing; still done: "a", "b"',
    });
    // It may have been on its way to sleep, from which it wakes to find that it has ended.
    await eventually(async () => !(await pendingTask(link, "m", "saga")));
    const letter = (await letterOf(bus, "m"))!;
    assert.equal(letter.skill, "run");
    assert.deepEqual((await letter.undoing())?.standing, ["a", "b"]);
    assert.equal((await letter.undoing())?.isDeclined, true);
    assert.deepEqual(undone, []);
    await other.drain();
    await serve(bus, ["a", "b"], undone);
    assert.equal(await letter.undo("retry"), "ordered");
    await eventually(async () => !(await letterOf(bus, "m")));
    assert.deepEqual(undone, ["b", "a"]);
    assert.equal(await task.state(), "failed");
    assert.equal(await task.cancel("again", { undo: false }), false);
  });

test("a task at work is fenced off, and does and undoes nothing more", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const { opened: begun, open: begin } = gate();
  const { opened: finish, open } = gate();
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    await task.step("b", async () => {
      begin();
      await finish;
    });
    await task.step("c", () => undone.push("c was done"));
  });
  const task = await bus.submit("saga.run", {}, { id: "w" });
  await begun;
  assert.equal(await task.cancel("", { undo: false }), true);
  open();
  await assert.rejects(task.result(), { code: "UNDO_FAILED" });
  await eventually(() => worker.counts.late === 1);
  const { entries } = await bus.journal("w");
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ["begun", "done", "undoing", "undo-declined"],
  );
  assert.deepEqual(undone, []);
});

test("a task that has done nothing is canceled, and leaves no letter", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, (task) => task.sleep("1h"));
  const asleep = await bus.submit("saga.run", {}, { id: "asleep" });
  await eventually(() => worker.counts.parked === 1);
  await worker.drain();
  const waits = await bus.submit("saga.run", {}, { id: "waits" });
  for (const task of [asleep, waits]) {
    assert.equal(await task.cancel("enough", { undo: false }), true);
    await assert.rejects(task.result(), { code: "TASK_CANCELED" });
    assert.equal(await letterOf(bus, task.id), undefined);
  }
});

test("an order whose giver died is carried out by a worker that fits, or when it is given again", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const undone: string[] = [];
  const { worker } = await serve(bus, ["a"], undone);
  const order = async (taskId: string) => {
    const task = { agent: "saga", taskId };
    const journal = await readJournal(link, task);
    const writer = new JournalWriter(link, new Publisher(link), task, journal);
    const at = link.clock.now();
    const error = toRpcError(new TroupeError("TASK_CANCELED", "enough"));
    await writer.append([
      { kind: "undoing", at, error, state: "canceled" },
      { kind: "undo-declined", at, by: "ann" },
    ]);
  };
  const [first, second] = [
    await bus.submit("saga.run", {}, { id: "first" }),
    await bus.submit("saga.run", {}, { id: "second" }),
  ];
  await eventually(() => worker.counts.parked === 2);
  await order("first");
  await order("second");
  await first.signal("go");
  await assert.rejects(first.result(), {
    code: "UNDO_FAILED",
    message: /enough; and it was ended by ann without undoing/,
  });
  await worker.drain();
  assert.equal(await second.cancel("", { undo: false }), true);
  await assert.rejects(second.result(), { code: "UNDO_FAILED" });
  for (const id of ["first", "second"])
    assert.deepEqual((await (await letterOf(bus, id))?.undoing())?.standing, [
      "a",
    ]);
  assert.deepEqual(undone, []);
});

test("an order that says what is no text is refused, and leaves the journal as it was", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serve(bus, ["a"], []);
  const task = await bus.submit("saga.run", {}, { id: "odd" });
  await eventually(() => worker.counts.parked === 1);
  const by = 5 as unknown as string;
  const refused = { code: "ARGUMENT_INVALID", message: /"by" of an order/ };
  await assert.rejects(task.cancel("", { undo: false, by }), refused);
  assert.equal(await task.cancel("", { undo: false }), true);
  await assert.rejects(task.result(), { code: "UNDO_FAILED" });
  const letter = (await letterOf(bus, "odd"))!;
  await assert.rejects(letter.undo("retry", { by }), refused);
  assert.deepEqual((await letter.undoing())?.standing, ["a"]);
});

test("a task whose journal cannot be read is ended, and its letter says that nobody knows what it did", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { worker } = await serve(bus, ["a"], []);
  const task = await bus.submit("saga.run", {}, { id: "torn" });
  await eventually(() => worker.counts.parked === 1);
  const subject = link.subjects.journal({ agent: "saga", taskId: "torn" });
  const garbage = Buffer.from("garbage");
  await new Publisher(link).store(subject, encodeHeaders({}), garbage);
  assert.equal(await task.cancel("enough", { undo: false, by: "ann" }), true);
  await assert.rejects(task.result(), {
    code: "UNDO_FAILED",
    message: /^enough; and it was ended by ann .*cannot be read/,
  });
  assert.ok(await letterOf(bus, "torn"));
  await eventually(async () => !(await pendingTask(link, "torn", "saga")));
});

test("of a task that ends meanwhile one end counts, and there is a letter only if it failed", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], () => undefined);
    return "done";
  });
  const ids = Array.from({ length: 40 }, (_, index) => `r${index}`);
  const states = await Promise.all(
    ids.map(async (id, index) => {
      const task = await bus.submit("saga.run", {}, { id });
      // At another moment each time, counted in what the worker writes.
      for (let turn = 0; turn < index % 8; turn++)
        await bus.journal(id).catch(() => undefined);
      const canceled = await task.cancel("", { undo: false });
      const ended = await task.result().then(
        () => "completed",
        ({ code }: TroupeError) => code,
      );
      assert.equal(canceled, ended !== "completed", id);
      return ended;
    }),
  );
  for (const [index, id] of ids.entries()) {
    const letter = await letterOf(bus, id);
    assert.equal(letter !== undefined, states[index] === "UNDO_FAILED", id);
    assert.ok(await endOf(link, id, "saga"));
  }
});
