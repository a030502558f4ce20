// Plans that call plans, whichever way: they end, and with the first of them the others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import { act, deskBus, ref } from "../../support/desk-bus.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";

const at = deskBus();
const tooDeep = {
  code: "PLAN_INVALID",
  message: /plans call each other more than 16 deep: does one of them call/,
};

async function end(plan: string) {
  const task = await at.bus.plans.run(plan);
  return task.result({ timeout: "30s" });
}

test("a plan that calls itself by a need ends, and is not tried again within each of those that do", async () => {
  const needs = {
    bySkill: { skill: "plan.run" },
    byText: { agent: "orchestrator", text: "run a plan" },
  };
  for (const [plan, call] of Object.entries(needs)) {
    const retry = { attempts: 3, first: 1 };
    const again = { name: "again", call, input: { plan }, retry };
    await at.bus.plans.put(plan, { steps: [again] });
    await assert.rejects(end(plan), tooDeep);
  }
});

test("a plan that calls itself through the handler of an agent ends", async (t) => {
  const relay = agent("relay", {
    version: "1.0.0",
    skills: {
      run: skill({
        description: "Runs a plan",
        input: z.object({ plan: z.string() }),
        run: (input, task) => task.call("orchestrator.plan.run", input),
      }),
    },
  });
  const worker = await at.bus.serve(relay, quiet);
  t.after(() => worker.drain());
  const again = { name: "again", call: "relay.run", input: { plan: "round" } };
  await at.bus.plans.put("round", { steps: [again] });
  await assert.rejects(end("round"), tooDeep);
});

test("a plan whose undo runs itself ends", async () => {
  const undo = { call: "orchestrator.plan.run", input: { plan: "back" } };
  const bad = { name: "bad", call: "desk.fail", input: { why: "no" } };
  await at.bus.plans.put("back", { steps: [{ ...act("a"), undo }, bad] });
  await assert.rejects(end("back"), { code: "UNDO_FAILED" });
  assert.deepEqual(at.desk.log, Array(17).fill("do a"));
});

test("whoever cancels a plan cancels those that it has called by a need, and those that they have", async () => {
  const deeper = {
    name: "deeper",
    when: { exists: ref("input.0") },
    do: [
      {
        name: "again",
        call: { skill: "plan.run" },
        input: { plan: "chain", input: { ref: "input.0" } },
      },
    ],
    else: [act("last"), { name: "w", wait: "1h" }],
  };
  await at.bus.plans.put("chain", { steps: [deeper] });
  const task = await at.bus.plans.run("chain", { input: [[[{}]]] });
  await eventually(() => at.desk.log.length === 1);
  await task.cancel("enough");
  await eventually(() => at.desk.log.length === 2);
  assert.deepEqual(at.desk.log, ["do last", "undo last-1"]);
  await eventually(async () => {
    const tasks = await at.bus.tasks({ agent: "orchestrator", limit: 100 });
    const canceled = tasks.filter(({ state }) => state === "canceled");
    return canceled.length === 4;
  });
});
