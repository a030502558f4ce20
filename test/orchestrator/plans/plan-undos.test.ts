// Undos that take long: they are tasks, and a plan that waits for them holds no orchestrator.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { agent, refuse, skill, type TaskHandle } from "../../../index.js";
import { act, deskBus, ref, say } from "../../support/desk-bus.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";

const at = deskBus();
/** More than an orchestrator has slots. */
const many = Array.from({ length: 20 }, (_, n) => n);
const bad = { name: "bad", call: "desk.fail", input: { why: "no" } };

/** An agent of a name of its own, whose undos take so long, and fail where they are told why. */
function janitor(name: string, ms = 0) {
  const undone: string[] = [];
  const input = z.looseObject({ id: z.string(), why: z.string().optional() });
  const undo = skill({
    description: "Undoes",
    input,
    retry: { attempts: 1 },
    async run({ id, why }) {
      await pause(ms);
      undone.push(id);
      if (why !== undefined) throw refuse(why);
    },
  });
  const version = "1.0.0";
  return { undone, agent: agent(name, { version, skills: { undo } }) };
}

async function serveJanitor(t: TestContext, name: string, ms?: number) {
  const { agent, undone } = janitor(name, ms);
  const worker = await at.bus.serve(agent, quiet);
  t.after(() => worker.drain());
  return { undone, leave: () => worker.drain() };
}

const undoneBy = (name: string, by: string, more: object = {}) => ({
  ...act(name),
  undo: { call: `${by}.undo`, input: { id: ref(`steps.${name}.id`), ...more } },
});

/** Nobody has them in hand. */
const areParked = async (tasks: readonly TaskHandle[]) => {
  const found = await Promise.all(tasks.map(({ id }) => at.bus.find(id)));
  return found.every((each) =>
    /^task ".*~undo~.*, which undoes "/.test(each?.waitsFor ?? ""),
  );
};

const startsOf = async ({ id }: TaskHandle) => {
  let starts = 0;
  for await (const { kind, taskId } of at.bus.replay({ agent: "orchestrator" }))
    if (kind === "started" && taskId === id) starts++;
  return starts;
};

test("many plans whose undos are plans end at once", async () => {
  const undo = { name: "u", call: "desk.undo", input: { id: ref("input.id") } };
  await at.bus.plans.put("cleanup", { steps: [undo] });
  const done = {
    ...act("done"),
    undo: {
      call: "orchestrator.plan.run",
      input: { plan: "cleanup", input: { id: ref("steps.done.id") } },
    },
  };
  const ends = many.map(() =>
    assert.rejects(at.run([done, bad]), { code: "HANDLER_REFUSED" }),
  );
  await Promise.all(ends);
  const undone = at.desk.log.filter((line) => line === "undo done-1");
  assert.equal(undone.length, many.length);
});

test("plans whose undos wait for an agent that is not there are in nobody's hands, and end when it comes", async (t) => {
  const { leave } = await serveJanitor(t, "absent");
  const go = { name: "w", wait: { signal: "go" } };
  const plan = { steps: [act("first"), undoneBy("done", "absent"), go, bad] };
  const tasks = await Promise.all(many.map(() => at.bus.plans.run(plan)));
  await eventually(() => at.desk.done().length === 2 * many.length);
  await leave();
  await Promise.all(tasks.map((task) => task.signal("go", null)));
  await eventually(() => areParked(tasks), { timeoutMs: 30_000 });
  assert.deepEqual(await at.run([say("a", { n: 1 })]), { n: 1 });
  const { undone } = await serveJanitor(t, "absent");
  for (const task of tasks)
    await assert.rejects(task.result(), { code: "HANDLER_REFUSED" });
  assert.deepEqual(undone, Array(many.length).fill("done-1"));
  const last = at.desk.log.filter((line) => line === "undo first-1");
  assert.equal(last.length, many.length);
});

test("an undo that fails while nobody waits for it has failed, and is not called again", async (t) => {
  const { undone } = await serveJanitor(t, "clumsy", 2_000);
  const plan = { steps: [undoneBy("done", "clumsy", { why: "stuck" }), bad] };
  const task = await at.bus.plans.run(plan);
  await assert.rejects(task.result(), {
    code: "UNDO_FAILED",
    message: /step "done" could not be undone: stuck/,
  });
  assert.deepEqual(undone, ["done-1"]);
  for await (const letter of at.bus.deadLetters({ agent: "orchestrator" }))
    if (letter.taskId === task.id) await letter.undo("retry");
  await eventually(() => undone.length === 2);
  const again = `${task.id}~undo~done~2`;
  await eventually(async () => (await at.bus.find(again))?.state === "failed");
});

test("a plan that was canceled, or whose time is up, sleeps until its undo is done", async (t) => {
  const { undone } = await serveJanitor(t, "slow", 3_000);
  const plan = {
    steps: [undoneBy("done", "slow"), { name: "w", wait: "1h" }],
  };
  const canceled = await at.bus.plans.run(plan);
  const late = await at.bus.plans.run(plan, { deadline: "1s" });
  await eventually(() => at.desk.log.length === 2);
  await canceled.cancel("enough");
  await eventually(() => areParked([canceled, late]));
  await canceled.cancel("really");
  await late.cancel("this, too");
  await assert.rejects(canceled.result(), {
    code: "TASK_CANCELED",
    message: "enough",
  });
  await assert.rejects(late.result(), { code: "DEADLINE_PASSED" });
  assert.deepEqual(undone, ["done-1", "done-1"]);
  for (const task of [canceled, late]) assert.ok((await startsOf(task)) <= 6);
});
