// A process that ends a task without undoing it is killed -9 around each of the messages that it stores for that: the
// journal, the dead letter, the end. The task ends once, nothing of it is undone, and
// its letter says what stands.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { pendingTask } from "../../bus/history/history.js";
import { killChildren, startChild } from "../support/child.js";
import { gate, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { doSteps, letterOf, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

describe(
  "a task is ended as it stands, whenever its ender dies",
  { concurrency: 2 },
  () => {
    for (const at of [1, 2, 3])
      for (const when of ["before", "after"] as const)
        test(`${when} the message ${at} that it stores`, (t) =>
          endsOnce(t, { at, when, by: "SIGKILL" }));
  },
);

test("a worker ends it as its ender would have, also where nothing it did can be undone", async (t) => {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task) => {
    await task.step("a", () => 1);
    return task.waitFor("go");
  });
  const task = await bus.submit("saga.run", {}, { id: "t" });
  await eventually(() => worker.counts.parked === 1);
  const { url } = shared.server;
  const place = { url, namespace: bus.namespace, of: "t" };
  // The letter is stored, and the end is not.
  const halt = { at: 1, when: "after", by: "SIGKILL", on: ".dead." };
  const ender = await startChild(t, "cancel-process", { ...place, halt });
  assert.equal(await ender.ended, "SIGKILL");
  await task.signal("go");
  await assert.rejects(task.result(), { code: "UNDO_FAILED" });
  assert.deepEqual((await (await letterOf(bus, "t"))?.undoing())?.standing, [
    "a",
  ]);
});

test("a letter is removed whose task completes because its writer died, and until then nothing can be ordered about it", async (t) => {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const { opened: begun, open: begin } = gate();
  const { opened: finish, open } = gate();
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    begin();
    await finish;
    return "done";
  });
  const task = await bus.submit("saga.run", {}, { id: "t" });
  await begun;
  const { url } = shared.server;
  const place = { url, namespace: bus.namespace, of: "t" };
  const halt = { at: 1, when: "after", by: "SIGKILL", on: ".dead." };
  const ender = await startChild(t, "cancel-process", { ...place, halt });
  assert.equal(await ender.ended, "SIGKILL");
  const letter = (await letterOf(bus, "t"))!;
  const early = { code: "ARGUMENT_INVALID", message: /has not ended yet/ };
  await assert.rejects(letter.undo("retry"), early);
  await assert.rejects(letter.redrive(), early);
  open();
  assert.equal(await task.result(), "done");
  assert.ok(await letterOf(bus, "t"));
  await bus.orchestrate(quiet);
  await eventually(async () => !(await letterOf(bus, "t")), {
    timeoutMs: 40_000,
  });
  assert.deepEqual(undone, []);
  assert.equal(await task.state(), "completed");
});

async function endsOnce(t: TestContext, halt: Halt): Promise<void> {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const undone: string[] = [];
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], (name) => undone.push(name));
    return task.waitFor("go");
  });
  const task = await bus.submit("saga.run", {}, { id: "t" });
  await eventually(() => worker.counts.parked === 1);
  const { url } = shared.server;
  const place = { url, namespace: bus.namespace, of: "t" };
  const ender = await startChild(t, "cancel-process", { ...place, halt });
  assert.equal(await ender.ended, "SIGKILL");
  // Whoever orders it again finishes what the first began.
  await task.cancel("enough", { undo: false, by: "ann" });
  await assert.rejects(task.result(), {
    code: "UNDO_FAILED",
    message: /^enough; and it was ended by ann without undoing/,
  });
  const report = await (await letterOf(bus, "t"))?.undoing();
  assert.deepEqual(report?.standing, ["a", "b"]);
  assert.deepEqual(undone, []);
  await eventually(async () => !(await pendingTask(link, "t", "saga")));
}
