// Deadlines of tasks with durable steps: what was done is undone by a worker, not buried over it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { endOf } from "../../bus/history/history.js";
import { lastMessage } from "../../bus/history/stored.js";
import { sealJournal } from "../../bus/journal/amending.js";
import { emptyJournal, readJournal } from "../../bus/journal/journal.js";
import { JournalWriter } from "../../bus/journal/journal-writer.js";
import { Publisher } from "../../bus/streams/publisher.js";
import { agent, skill } from "../../index.js";
import { TroupeError } from "../../protocol/errors.js";
import { gate, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { doSteps, letterOf, sagaAgent, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

test("a task that has done something is left to a worker when its deadline passes, and undone by it", async (t) => {
  const bus = await shared.connect(t);
  await bus.orchestrate(quiet);
  const undone: string[] = [];
  const handler: Parameters<typeof serveSaga>[1] = async (task, how) => {
    await doSteps(task, ["a"], (name) => undone.push(`${String(how)} ${name}`));
    if (how === "parked") await task.sleep("1h");
    await new Promise(() => undefined);
  };
  const first = await serveSaga(bus, handler, { serve: { drain: "1ms" } });
  const deadline = "2s";
  const tasks = [
    await bus.submit("saga.run", "parked", { deadline }),
    await bus.submit("saga.run", "at work", { deadline }),
  ];
  await eventually(() => first.worker.counts.parked === 1);
  await first.worker.drain(); // what it has in hand waits, now, with a journal
  // One that has done nothing shows that the leader has looked.
  const plain = await bus.submit("saga.run", "plain", { deadline });
  await assert.rejects(plain.result({ timeout: "20s" }), {
    code: "DEADLINE_PASSED",
    message: /while it waited for a worker/,
  });
  await serveSaga(bus, handler);
  for (const task of tasks)
    await assert.rejects(task.result({ timeout: "20s" }), {
      code: "DEADLINE_PASSED",
    });
  assert.deepEqual(undone.toSorted(), ["at work a", "parked a"]);
});

const nobody = agent("nobody", {
  skills: {
    do: skill({ description: "Never", input: z.any(), run: () => 1 }),
  },
});

test("a task whose first step is at work when its deadline passes is ended by its worker, which undoes that", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await bus.orchestrate(quiet);
  const undone: string[] = [];
  const { opened: finish, open } = gate();
  await serveSaga(bus, (task) =>
    task.step("a", () => finish, { undo: () => undone.push("a") }),
  );
  const task = await bus.submit("saga.run", {}, { id: "t", deadline: "1s" });
  // It shows that the leader has looked.
  const other = await bus.submit(nobody.skills.do, {}, { deadline: "1200ms" });
  const passed = { code: "DEADLINE_PASSED" };
  await assert.rejects(other.result({ timeout: "20s" }), passed);
  open();
  await assert.rejects(task.result({ timeout: "20s" }), passed);
  assert.deepEqual(undone, ["a"]);
  const name = { agent: "saga", taskId: "t" };
  const { entries, writtenAt = Infinity } = await readJournal(link, name);
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ["begun", "undoing", "done", "undoing", "undone"],
  );
  assert.ok((await endOf(link, "t", "saga"))!.at.getTime() >= writtenAt);
});

test("whoever was held up with a task that its deadline has ended does nothing durable any more", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const at = link.clock.now();
  const step = { kind: "done", op: 0, type: "step", name: "a", at } as const;
  const names = ["held", "again"].map((taskId) => ({
    agent: "nobody",
    taskId,
  }));
  const [held, again] = names as [(typeof names)[0], (typeof names)[0]];
  const begin = () => new JournalWriter(link, publisher, held, emptyJournal);
  // Of an earlier task with that id.
  await new JournalWriter(link, publisher, again, emptyJournal).append([step]);
  await bus.orchestrate(quiet);
  for (const { taskId: id } of names) {
    const options = { id, deadline: "500ms" } as const;
    const task = await bus.submit(nobody.skills.do, {}, options);
    await assert.rejects(task.result({ timeout: "20s" }), {
      code: "DEADLINE_PASSED",
    });
  }
  await assert.rejects(begin().append([step]), { code: "CONFLICT" });
});

test("what the leader was about to end when it died is ended so by a worker", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { run } = sagaAgent(() => "done").skills;
  const task = await bus.submit(run, {}, { id: "t" });
  const queue = link.subjects.queue("saga");
  const message = (await lastMessage(
    link,
    queue,
    link.subjects.taskById("t"),
  ))!;
  const error = new TroupeError("DEADLINE_PASSED", "it waited for too long");
  const name = { agent: "saga", taskId: "t" };
  const publisher = new Publisher(link);
  assert.ok(await sealJournal(link, publisher, name, message, error));
  await serveSaga(bus, () => "done");
  const { code, message: said } = error;
  await assert.rejects(task.result(), { code, message: said });
  assert.equal((await letterOf(bus, "t"))?.code, "DEADLINE_PASSED");
});

test("a task whose child is ended by its deadline is woken", async (t) => {
  const bus = await shared.connect(t);
  await bus.orchestrate(quiet);
  const { worker, runs } = await serveSaga(bus, async (task) => {
    try {
      return await task.call(nobody.skills.do, {}, { deadline: "1500ms" });
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => worker.counts.parked === 1);
  assert.equal(await task.result({ timeout: "30s" }), "DEADLINE_PASSED");
  assert.equal(runs(), 2);
});
