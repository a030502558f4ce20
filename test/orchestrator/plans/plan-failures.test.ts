import assert from "node:assert/strict";
import { test } from "node:test";
import { deskBus, ref, say, act } from "../../support/desk-bus.js";
import { eventually } from "../../support/eventually.js";

const at = deskBus();

test("a call that fails is made again as often as its retry says", async () => {
  const flaky = (name: string, times: number) => ({
    name: "f",
    call: "desk.flaky",
    input: { name, times },
    retry: { attempts: 3, first: 1 },
  });
  assert.deepEqual(await at.run([flaky("a", 2)]), { name: "a", times: 2 });
  await assert.rejects(at.run([flaky("b", 3)]), {
    code: "HANDLER_REFUSED",
    message: /step "f" failed: b fails/,
  });
});

test("a call that takes longer than its timeout has failed, and is made again if it may be", async () => {
  const slow = (ms: number) => ({
    name: "slow",
    call: "desk.slowly",
    input: { ms },
    timeout: "400ms",
    retry: { attempts: 2, first: 1 },
  });
  const begunAt = performance.now();
  await assert.rejects(at.run([slow(60_000)]), {
    code: "DEADLINE_PASSED",
    message: /step "slow" failed/,
  });
  assert.ok(performance.now() - begunAt >= 800);
  assert.deepEqual(await at.run([slow(1)]), { ms: 1 });
});

test("what was done is undone in reverse order when a later step fails, and only that", async () => {
  await assert.rejects(
    at.run([
      act("flight"),
      { name: "each", map: ["x", "y"], concurrency: 1, do: [act("extra")] },
      { name: "not", when: { eq: [1, 2] }, do: [act("car")] },
      { name: "bad", call: "desk.fail", input: { why: "no room" } },
      act("never"),
    ]),
    { code: "HANDLER_REFUSED", message: /step "bad" failed: no room/ },
  );
  assert.deepEqual(at.desk.log, [
    "do flight",
    "do extra",
    "do extra",
    "undo extra-1",
    "undo extra-1",
    "undo flight-1",
  ]);
});

test("calls under way when another fails are waited for, and undone, too", async () => {
  const slow = {
    name: "slow",
    call: "desk.slowly",
    input: { ms: 300, id: "slow-1" },
    undo: { call: "desk.undo", input: { id: ref("steps.slow.id") } },
  };
  await assert.rejects(
    at.run([
      {
        name: "p",
        parallel: [
          { name: "branch", steps: [slow, act("after")] },
          { name: "bad", call: "desk.fail", input: { why: "no" } },
          { name: "long", wait: "1h" },
        ],
      },
    ]),
    { message: /step "bad" failed/ },
  );
  assert.deepEqual(at.desk.log, ["undo slow-1"]);
});

test("an undo that cannot be done leaves a dead letter that says what is undone and what is not", async () => {
  const stuck = {
    ...act("stuck"),
    undo: { call: "desk.fail", input: { why: "locked" } },
  };
  const bad = { name: "bad", call: "desk.fail", input: { why: "no" } };
  const task = await at.bus.plans.run({
    steps: [act("first"), stuck, act("last"), bad],
  });
  await assert.rejects(task.result({ timeout: "30s" }), {
    code: "UNDO_FAILED",
    message:
      /step "bad" failed: no; and step "stuck" could not be undone: locked\. Undone: "last"; still done: "first", "stuck"/,
  });
  const letters = [];
  for await (const letter of at.bus.deadLetters({ agent: "orchestrator" }))
    letters.push(letter.taskId);
  assert.ok(letters.includes(task.id));
  assert.deepEqual(at.desk.log.slice(3), ["undo last-1"]);
});

test("an undo that failed is called anew when somebody says so, and the others follow", async () => {
  const stuck = {
    ...act("stuck"),
    undo: { call: "desk.flaky", input: { name: "lock", times: 1 } },
  };
  const bad = { name: "bad", call: "desk.fail", input: { why: "no" } };
  const task = await at.bus.plans.run({ steps: [act("first"), stuck, bad] });
  await assert.rejects(task.result({ timeout: "30s" }), {
    code: "UNDO_FAILED",
  });
  for await (const letter of at.bus.deadLetters({ agent: "orchestrator" }))
    if (letter.taskId === task.id) await letter.undo("retry", { by: "ann" });
  await eventually(() => at.desk.log.includes("undo first-1"));
  const undo = (more: string) => at.bus.find(`${task.id}~undo~stuck${more}`);
  assert.equal((await undo(""))?.state, "failed");
  assert.equal((await undo("~2"))?.state, "completed");
});

test("a plan that is canceled undoes what it did", async () => {
  const task = await at.bus.plans.run({
    steps: [act("a"), act("b"), { name: "w", wait: "1h" }],
  });
  await eventually(() => at.desk.log.length === 2);
  await task.cancel("changed my mind");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  await eventually(() => at.desk.log.length === 4);
  assert.deepEqual(at.desk.log.slice(2), ["undo b-1", "undo a-1"]);
});

test("budgets of calls and of time end a plan that takes more", async () => {
  const flaky = {
    name: "f",
    call: "desk.flaky",
    input: { name: "x", times: 99 },
    retry: { attempts: 4, first: 1 },
  };
  await assert.rejects(at.run([act("a"), flaky], { budget: { attempts: 4 } }), {
    code: "BUDGET_EXCEEDED",
    message:
      /step "f" failed: the plan has made the 4 calls that its budget allows/,
  });
  const each = {
    name: "m",
    map: [1, 2, 3],
    do: [say("s", {})],
    budget: { attempts: 2 },
  };
  await assert.rejects(at.run([each]), {
    code: "BUDGET_EXCEEDED",
    message: /step "m" has made the 2 calls/,
  });
  const slow = { name: "slow", call: "desk.slowly", input: { ms: 20_000 } };
  await assert.rejects(
    at.run([
      { name: "g", steps: [act("b"), slow], budget: { time: "1500ms" } },
    ]),
    {
      code: "BUDGET_EXCEEDED",
      message:
        /step "g" failed: step "g" took longer than its budget of 1500ms/,
    },
  );
  assert.deepEqual(at.desk.log, ["do a", "undo a-1", "do b", "undo b-1"]);
});

test("a reference that leads to nothing fails the plan and says which", async () => {
  await assert.rejects(
    at.run([say("a", {}), { name: "b", value: ref("steps.a.text") }]),
    {
      code: "PLAN_FAILED",
      message: /step "b" failed: reference "steps\.a\.text" leads to nothing/,
    },
  );
});
