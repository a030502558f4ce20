// Deadlines of tasks with durable steps: what was done is undone by a worker, not buried over it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../index.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { doSteps, serveSaga } from "../support/saga.js";
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

test("a task whose child is ended by its deadline is woken", async (t) => {
  const bus = await shared.connect(t);
  await bus.orchestrate(quiet);
  const nobody = agent("nobody", {
    skills: {
      do: skill({ description: "Never", input: z.any(), run: () => 1 }),
    },
  });
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
