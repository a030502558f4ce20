// A task that leaves its queue while something happens to it: nothing of it is lost, and nothing is done twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readJournal } from "../../../bus/journal/journal.js";
import { JournalWriter } from "../../../bus/journal/journal-writer.js";
import { park } from "../../../bus/journal/parking.js";
import { pendingTask } from "../../../bus/history/history.js";
import { lastMessage } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill, type Bus, type TaskContext } from "../../../index.js";
import { beforeMessage } from "../../support/before-message.js";
import { eventually } from "../../support/eventually.js";
import { sagaAgent, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const isMine = () => Promise.resolve();

test("a task whose timer fires before it has left its queue comes back when it has", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve({ ...sagaAgent(() => 1), name: "mover" }, { signals: false });
  const link = await shared.link(t);
  const unserved = sagaAgent(() => 1);
  await bus.submit(unserved.skills.run, {}, { id: "early" });
  const queued = await pendingTask(link, "early");
  assert.ok(queued);
  const { subject, headers, body, stream, sequence } = queued;
  const parked = { waitsFor: "nothing", asks: false, subject, headers, body };
  const name = { agent: "saga", taskId: "early", until: link.clock.now() };
  await park(link, new Publisher(link), { ...name, ...parked }, isMine);
  const { timers } = link.subjects.streams;
  await eventually(async () => {
    const { delivered } = await link.jsm.consumers.info(timers, "mover");
    return delivered.consumer_seq > 0;
  });
  await link.jsm.streams.deleteMessage(stream, sequence);
  const back = await eventually(() => lastMessage(link, stream, subject));
  assert.ok(back?.headers.parked);
});

test("a parked task that is submitted again goes on where it was", async (t) => {
  const bus = await shared.connect(t);
  const done: string[] = [];
  const { worker } = await serveSaga(bus, async (task) => {
    await task.step("a", () => done.push("a"));
    return task.waitFor("go");
  });
  const link = await shared.link(t);
  await link.jsm.streams.update(link.subjects.queue("saga"), {
    duplicate_window: 100_000_000, // the server forgets at once that it had it
  });
  const task = await bus.submit("saga.run", {}, { id: "again" });
  await eventually(() => worker.counts.parked === 1);
  await eventually(async () => {
    await bus.submit("saga.run", {}, { id: "again" });
    return worker.counts.parked > 1;
  });
  await task.signal("go", 7);
  assert.equal(await task.result(), 7);
  assert.deepEqual(done, ["a"]);
});

test("a task that has passed over a signal leaves its worker as if there had been none", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task) => {
    await task.step("misfit", () => bus.signal(task.id, "go", "no number"));
    await task.sleep("1600ms"); // whoever takes it up again knows the signal before it is waited for
    return task.waitFor("go", { schema: z.number() });
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => worker.counts.parked === 2);
  await task.signal("go", 7);
  assert.equal(await task.result(), 7);
});

test("a task that writes while it waits for something else leaves its worker afterwards", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, (task) =>
    task.all([
      task.waitFor("go"),
      task.step("a", () => 1).then(() => task.patched("change")),
    ]),
  );
  const task = await bus.submit("saga.run", {});
  await eventually(() => worker.counts.parked === 1);
  await task.signal("go", 7);
  assert.deepEqual(await task.result(), [7, true]);
});

test("a canceled task whose handler does not fit is tried at leisure, until one fits", async (t) => {
  const bus = await shared.connect(t);
  const serve = (name: string) =>
    serveSaga(bus, async (task) => {
      await task.step(name, () => 1);
      return task.waitFor("go");
    });
  const { worker: fits } = await serve("a");
  const task = await bus.submit("saga.run", {});
  await eventually(() => fits.counts.parked === 1);
  await fits.drain();
  const { worker: misfits } = await serve("b");
  await task.cancel();
  await eventually(() => misfits.counts.returned >= 2);
  const at = performance.now();
  await eventually(() => misfits.counts.returned >= 4);
  assert.ok(performance.now() - at > 900);
  await misfits.drain();
  await serve("a");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
});

test("a worker that was held up does not park a task that another has parked since", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, (task) => task.waitFor("go"));
  const task = await bus.submit("saga.run", {}, { id: "held" });
  const link = await shared.link(t);
  const name = { agent: "saga", taskId: "held" };
  const journal = await eventually(async () => {
    const read = await readJournal(link, name);
    assert.ok(read.last > 0);
    return read;
  });
  // As if the worker were frozen by now: another has the task, and waits for something else.
  const publisher = new Publisher(link);
  const queued = await pendingTask(link, "held");
  assert.ok(queued);
  const { subject, headers, body, stream, sequence } = queued;
  const at = link.clock.now();
  const operation = { op: 1, type: "sleep", name: "sleep" } as const;
  await new JournalWriter(link, publisher, name, journal).append([
    { kind: "begun", ...operation, at, until: at + 60_000 },
  ]);
  const until = at + 60_000;
  const other = { until, waitsFor: "x", asks: false, subject, headers, body };
  await park(link, publisher, { ...name, ...other }, isMine);
  const { streams, timer } = link.subjects;
  const theirs = await lastMessage(link, streams.timers, timer(name));
  await link.jsm.streams.deleteMessage(stream, sequence);
  await eventually(() => worker.counts.late === 1);
  assert.equal(worker.counts.parked, 0);
  const stands = await lastMessage(link, streams.timers, timer(name));
  assert.equal(stands?.sequence, theirs?.sequence);
  await task.cancel();
});

test("a task that sleeps and wakes over and over takes every signal", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task) => {
    while ((await task.waitFor("go")) !== "end");
    return "over";
  });
  const task = await bus.submit("saga.run", {});
  const sending = async () => {
    for (let n = 0; n < 100; n++) await task.signal("go", n);
  };
  await eventually(() => worker.counts.parked > 0);
  await Promise.all(Array.from({ length: 8 }, sending));
  await eventually(() => worker.counts.parked > 1);
  await task.signal("go", "end");
  assert.equal(await task.result(), "over");
});

for (const first of ["1h", "30s"] as const)
  test(`a task that waits ${first} for another attempt is canceled, and undone, at once`, async (t) => {
    const bus = await shared.connect(t);
    const { undone, worker } = await serveFailing(bus, first);
    const task = await bus.submit("saga.run", {});
    await eventually(() => worker.counts.retried === 1);
    await task.cancel("enough");
    await assert.rejects(task.result(), { code: "TASK_CANCELED" });
    assert.deepEqual(undone, ["a"]);
  });

test("a task with a key that waits for another attempt is canceled, and undone, at once", async (t) => {
  const bus = await shared.connect(t);
  const { undone, worker } = await serveFailing(bus, "1h");
  const task = await bus.submit("saga.run", {}, { key: "k" });
  await eventually(() => worker.counts.retried === 1);
  await task.cancel("enough");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  assert.deepEqual(undone, ["a"]);
});

test("a task that woke up and was sent away by a limit is canceled, and undone, at once", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const run = async (_input: unknown, task: TaskContext) => {
    if (task.id === "full") return untilStopped(task);
    await task.step("a", () => "a", { undo: (name) => undone.push(name) });
    return task.waitFor("go");
  };
  const limited = skill({ description: "One", input: z.any(), atOnce: 1, run });
  const agents = agent("limited", { skills: { run: limited } });
  const { counts } = await bus.serve(agents, { signals: false });
  const task = await bus.submit("limited.run", {});
  await eventually(() => counts.parked === 1);
  const other = await bus.submit("limited.run", {}, { id: "full" });
  await eventually(async () => (await other.state()) === "working");
  await task.signal("go");
  await eventually(() => counts.returned > 0);
  await task.cancel("enough");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  assert.deepEqual(undone, ["a"]);
  await other.cancel();
});

test("a cancel that comes while a task is being put off for another attempt ends it at once", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { undone } = await serveFailing(bus, "1h");
  const task = await bus.submit("saga.run", {});
  const { streams } = link.subjects;
  // Whoever wakes tasks has looked for a timer, and there was none yet.
  beforeMessage(t, ".timer.", async () => {
    await task.cancel("enough");
    await eventually(async () => {
      const waker = await link.jsm.consumers.info(streams.journal, "waker");
      return waker.num_pending === 0 && waker.num_ack_pending === 0;
    });
  });
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  assert.deepEqual(undone, ["a"]);
});

test("a worker that was held up does not put off a task that another has taken since", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { worker } = await serveFailing(bus, "1h");
  const publisher = new Publisher(link);
  const name = { agent: "saga", taskId: "held" };
  let theirs: number | undefined;
  beforeMessage(t, ".timer.", async () => {
    const queued = await pendingTask(link, "held");
    const { subject, headers, body } = queued!;
    const until = link.clock.now() + 60_000;
    const other = { until, waitsFor: "x", asks: false, subject, headers, body };
    await park(link, publisher, { ...name, ...other }, isMine);
    const { streams, timer } = link.subjects;
    theirs = (await lastMessage(link, streams.timers, timer(name)))?.sequence;
  });
  await bus.submit("saga.run", {}, { id: "held" });
  await eventually(() => worker.counts.late === 1);
  const { streams, timer } = link.subjects;
  const stands = await lastMessage(link, streams.timers, timer(name));
  assert.equal(stands?.sequence, theirs);
});

test("a task whose deadline comes before its next attempt ends with it, and is undone", async (t) => {
  const bus = await shared.connect(t);
  const { undone } = await serveFailing(bus, "1h");
  await assert.rejects(bus.call("saga.run", {}, { deadline: "1500ms" }), {
    code: "DEADLINE_PASSED",
  });
  assert.deepEqual(undone, ["a"]);
});

/** Does a step, and fails, to be tried again so much later. */
async function serveFailing(bus: Bus, first: "1h" | "30s") {
  const undone: string[] = [];
  const handler = async (task: TaskContext) => {
    await task.step("a", () => "a", { undo: (name) => undone.push(name) });
    throw new Error("not yet");
  };
  const retry = { attempts: 2, first, max: first };
  return { undone, ...(await serveSaga(bus, handler, { retry })) };
}

function untilStopped({ signal }: TaskContext): Promise<void> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error)),
  );
}
