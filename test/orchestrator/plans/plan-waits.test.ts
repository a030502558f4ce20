import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskEvent } from "../../../index.js";
import { deskBus, ref, say } from "../../support/desk-bus.js";

const at = deskBus();

test("a person approves, with a comment; an answer that is none is passed over; a no fails the plan", async () => {
  const plan = {
    steps: [
      {
        name: "ok",
        approve: { template: "Publish ${input.title}?" },
        show: ref("input"),
        timeout: "1m",
      },
    ],
  };
  const start = () => at.bus.plans.run(plan, { input: { title: "A" } });
  const yes = await start();
  await at.bus.signal(yes.id, "ok", { approved: "perhaps" });
  await at.bus.plans.answer(yes.id, "ok", {
    approved: true,
    by: "ann",
    comment: "fine",
  });
  assert.deepEqual(await yes.result(), {
    approved: true,
    by: "ann",
    comment: "fine",
  });
  const no = await start();
  await at.bus.plans.answer(no.id, "ok", {
    approved: false,
    by: "bob",
    comment: "too long",
  });
  await assert.rejects(no.result(), {
    code: "APPROVAL_DENIED",
    message: /step "ok" failed: "bob" said no: too long/,
  });
});

test("whoever follows the task sees what is asked", async () => {
  const task = await at.bus.plans.run({
    steps: [
      { name: "first", wait: "200ms" },
      { name: "ok", approve: "Well?", timeout: "1m" },
    ],
  });
  const asked = (event: TaskEvent) => event.progress?.message === "ok: Well?";
  for await (const event of task.events({ timeout: "20s" }))
    if (asked(event)) break;
  await at.bus.plans.answer(task.id, "ok", { approved: true });
  assert.deepEqual(await task.result(), { approved: true });
});

test("who does not answer in time fails the plan, or not, as it says", async () => {
  const ask = { name: "ok", approve: "?", timeout: "100ms" };
  await assert.rejects(at.run([ask]), {
    code: "WAIT_TIMED_OUT",
    message: /step "ok" failed/,
  });
  assert.deepEqual(await at.run([{ ...ask, otherwise: "continue" }]), {
    approved: false,
    timedOut: true,
  });
  const signal = {
    name: "paid",
    wait: { signal: "paid" },
    timeout: "100ms",
    otherwise: "continue",
  };
  assert.equal(await at.run([signal]), null);
});

test("it waits for times, dates and signals, which may have come before", async () => {
  const task = await at.bus.plans.run(
    {
      steps: [
        { name: "a", wait: 50 },
        { name: "b", wait: { for: ref("input.pause") } },
        { name: "c", wait: { until: ref("input.date") } },
        {
          name: "d",
          wait: {
            signal: "paid",
            schema: { type: "object", required: ["euros"] },
          },
        },
      ],
    },
    {
      input: { pause: "50ms", date: new Date(Date.now() + 300).toISOString() },
    },
  );
  await at.bus.signal(task.id, "paid", {});
  await at.bus.signal(task.id, "paid", { euros: 5 });
  assert.deepEqual(await task.result(), { euros: 5 });
});

test("a short wait within a long budget is as short as it says", async () => {
  const pause = { name: "pause", wait: 10, budget: { time: "1m" } };
  const said = { name: "said", call: "desk.say", input: { n: 1 } };
  const retried = {
    name: "retried",
    call: "desk.flaky",
    input: { name: "r", times: 1 },
    retry: { attempts: 2, first: 1 },
  };
  const budget = { time: "1h" };
  assert.deepEqual(await at.run([pause, retried, said], { budget }), { n: 1 });
});

test("a pattern by which it would take years holds up no orchestrator", async () => {
  const schema = { type: "string", pattern: "^(a+)+$" };
  const hostile = `${"a".repeat(45)}!`;
  const given = { plan: { input: schema, steps: [say("v", 1)] } };
  const refused = {
    code: "PLAN_INVALID",
    message: /input\.pattern takes too long/,
  };
  await assert.rejects(
    at.bus.plans.run(given.plan, { input: hostile }),
    refused,
  );
  const unchecked = await at.bus.submit("orchestrator.plan.run", {
    ...given,
    input: hostile,
  });
  await assert.rejects(unchecked.result({ timeout: "30s" }), refused);

  const steps = [{ name: "paid", wait: { signal: "paid", schema } }];
  const task = await at.bus.plans.run({ steps });
  await at.bus.signal(task.id, "paid", hostile);
  await at.bus.signal(task.id, "paid", "aaa");
  assert.equal(await task.result({ timeout: "30s" }), "aaa");
  const { entries } = await at.bus.journal(task.id);
  const passedOver = entries.find(({ kind }) => kind === "refused");
  assert.match(
    JSON.stringify(passedOver),
    /step \\"paid\\": wait\.schema\.pattern takes too long/,
  );
});
