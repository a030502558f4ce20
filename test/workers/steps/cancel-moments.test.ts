// A cancel may come at any moment of a delivery: what the task did is undone, and it ends soon.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type TaskContext } from "../../../index.js";
import { beforeMessage } from "../../support/before-message.js";
import { doer, gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const canceled = { code: "TASK_CANCELED" };
const soon = { timeout: "20s" } as const;

test("one that comes while the first step is at work has undone what that does", async (t) => {
  const bus = await shared.connect(t);
  const undone: unknown[] = [];
  const { opened: begun, open: begin } = gate();
  const { opened: finished, open: finish } = gate();
  const step = async () => {
    begin();
    await finished;
    return "did a";
  };
  const undo = (result: string) => undone.push(result);
  await serveSaga(bus, (task) => task.step("a", step, { undo }));
  const task = await bus.submit("saga.run", {});
  await begun;
  assert.equal(await task.cancel("enough"), true);
  finish();
  await assert.rejects(task.result(soon), canceled);
  assert.deepEqual(undone, ["did a"]);
});

test("one that comes when a journal was read and its handler not yet run has all undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const handler = async (task: TaskContext) => {
    await doSteps(task, ["a", "b"], (name) => undone.push(name));
    if (task.attempt === 1) throw new Error("once more");
    await task.step("c", () => undone.push("it went on"));
  };
  const retry = { attempts: 2, first: "1ms" } as const;
  await serveSaga(bus, handler, { retry });
  const task = bus.task("t");
  beforeMessage(t, ".started.", () => task.cancel("enough"));
  await bus.submit("saga.run", {}, { id: "t" });
  await assert.rejects(task.result(soon), canceled);
  assert.deepEqual(undone, ["b", "a"]);
});

test("one that comes while a task waits at the gate of its skill has all undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const { opened: leave, open } = gate();
  const run = async (_input: unknown, task: TaskContext) => {
    if (task.id === "full") return leave;
    await doSteps(task, ["a"], (name) => undone.push(name));
    return task.waitFor("go");
  };
  const limited = skill({ description: "One", input: z.any(), atOnce: 1, run });
  const worker = await bus.serve(
    agent("limited", { skills: { run: limited } }),
    quiet,
  );
  const task = await bus.submit("limited.run", {});
  await eventually(() => worker.counts.parked === 1);
  await bus.submit("limited.run", {}, { id: "full" });
  await eventually(() => worker.card().running === 1);
  await task.signal("go");
  await eventually(() => worker.card().running === 2);
  await task.cancel("enough");
  await task.state(); // by then its worker has heard of it
  open();
  await assert.rejects(task.result(soon), canceled);
  assert.deepEqual(undone, ["a"]);
});

test("one that comes while the failed attempt of a task with a key is stored ends it at once", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const handler = async (task: TaskContext) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    throw new Error("not yet");
  };
  const retry = { attempts: 2, first: "1h", max: "1h" } as const;
  await serveSaga(bus, handler, { retry });
  const task = bus.task("t");
  beforeMessage(t, ".attempt.", () => task.cancel("enough"));
  await bus.submit("saga.run", {}, { id: "t", key: "k" });
  await assert.rejects(task.result(soon), canceled);
  assert.deepEqual(undone, ["a"]);
});

test("one that comes while a task that is undone goes to its fallback keeps it from there", async (t) => {
  const bus = await shared.connect(t);
  const log: string[] = [];
  const backup = doer(() => log.push("fallback"), {}, "backup");
  await bus.serve(backup, quiet);
  const handler = async (_input: unknown, task: TaskContext) => {
    await doSteps(task, ["a"], (name) => log.push(name));
    throw broken();
  };
  const flaky = skill({
    description: "Fails",
    input: z.any(),
    fallback: "backup.do",
    run: handler,
  });
  await bus.serve(agent("flaky", { skills: { run: flaky } }), quiet);
  const task = bus.task("t");
  beforeMessage(t, ".fallback.", () => task.cancel("enough"));
  await bus.submit("flaky.run", {}, { id: "t" });
  await assert.rejects(task.result(soon), canceled);
  assert.deepEqual(log, ["a"]);
});
