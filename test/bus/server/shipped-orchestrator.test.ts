// What the orchestrator of nats.conf can do through the bus, and nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { subjectsOf } from "../../../protocol/subjects.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { shippedBus } from "../../support/shipped-server.js";

const denied = { message: /permissions violation/i };

test("an orchestrator leads and sweeps as its user, all may ask it, and nobody else can take the lease", async (t) => {
  const as = await shippedBus(t);
  const bus = await as("orchestrator");
  const orchestrator = await bus.orchestrate(quiet);
  await eventually(() => orchestrator.term !== undefined);
  const submitter = await as("submitter");
  const observer = await as("observer");
  const worker = await as("worker");
  const idle = doer((input) => input);
  await (await worker.serve(idle, quiet)).drain(); // makes the queue
  const overdue = await submitter.submit(idle.skills.do, 1, { deadline: 1 });
  await assert.rejects(overdue.result({ timeout: "30s" }), {
    code: "DEADLINE_PASSED",
  });
  for (const asker of [submitter, observer, worker]) {
    const { tasks } = await asker.query.tasks({ state: "failed" });
    assert.deepEqual(
      tasks.map(({ taskId }) => taskId),
      [overdue.id],
    );
    assert.equal((await asker.query.deadLetters()).letters.length, 1);
    assert.equal((await asker.query.status()).term, orchestrator.term);
  }
  for (const user of ["worker", "submitter", "observer"] as const) {
    const nats = await connect({ servers: bus.url, user, pass: `pw${user}` });
    await assert.rejects(
      jetstream(nats).publish(`$KV.${nameOfLease}.orchestrator`, "{}"),
      denied,
    );
    await nats.close();
  }
});

const nameOfLease = subjectsOf("troupe").buckets.leases;

test("only the orchestrator pauses, resumes and drains agents", async (t) => {
  const as = await shippedBus(t);
  const orchestrator = await as("orchestrator");
  await orchestrator.agents();
  const worker = await as("worker");
  const serving = await worker.serve(
    doer((input) => input),
    quiet,
  );
  const submitter = await as("submitter");
  for (const bus of [submitter, worker, await as("observer")])
    await assert.rejects(bus.pauseAgent("doer"), { code: "PERMISSION_DENIED" });
  assert.equal(serving.card().state, "ready");
  await orchestrator.pauseAgent("doer", { reason: "repairs" });
  assert.equal(serving.card().state, "paused");
  for (const bus of [submitter, worker, await as("observer")])
    assert.equal((await bus.agentOrders()).get("doer")?.reason, "repairs");
  await orchestrator.resumeAgent("doer");
  assert.equal(await submitter.call("doer.do", 1, { timeout: "10s" }), 1);
  await orchestrator.drainAgent("doer");
  await serving.stopped;
});

for (const may of [true, false])
  test(`a worker undoes what the orchestrator's user orders, and ${may ? "removes the letter" : "says in the letter that it can go where it may not remove it"}`, async (t) => {
    const permission = '"$JS.API.STREAM.MSG.DELETE.troupe_DEAD"';
    const as = await shippedBus(t, "saga", (text) =>
      may ? text : text.replace(permission, ""),
    );
    const orchestrator = await as("orchestrator");
    await orchestrator.agents(); // makes the registry's buckets
    const worker = await as("worker");
    let isBad = true;
    await serveSaga(worker, async (task) => {
      await task.step("large", () => "x".repeat(1_500_000));
      await doSteps(task, ["a", "b"], () => {
        if (isBad) throw new Error("stuck");
      });
      throw broken();
    });
    const wait = { id: "t", timeout: "10s" } as const;
    const submitter = await as("submitter");
    await assert.rejects(submitter.call("saga.run", {}, wait), {
      code: "UNDO_FAILED",
    });
    isBad = false;
    await (await letterOf(orchestrator, "t"))!.undo("retry");
    await eventually(async () => {
      const letter = await letterOf(orchestrator, "t");
      if (may) return letter === undefined;
      return letter?.error.startsWith("all is undone now");
    });
  });

test("only the orchestrator keeps plans, and all may read them", async (t) => {
  const as = await shippedBus(t);
  const plan = { steps: [{ name: "a", value: 1 }] };
  await (await as("orchestrator")).plans.put("p", plan);
  for (const user of ["worker", "submitter", "observer"] as const) {
    const bus = await as(user);
    await assert.rejects(bus.plans.put("p", plan), {
      code: "PERMISSION_DENIED",
    });
    assert.deepEqual((await bus.plans.get("p@1")).plan, plan);
    assert.equal((await bus.plans.list()).length, 1);
  }
});

test("a submitter has plans run and answers what they ask; who only reads may do neither", async (t) => {
  const as = await shippedBus(t, "orchestrator");
  const orchestrator = await as("orchestrator");
  await orchestrator.serve(
    doer((input) => input),
    quiet,
  );
  await orchestrator.orchestrate(quiet);
  const plan = {
    steps: [
      { name: "a", call: "doer.do", input: 1 },
      { name: "ok", approve: "Go on?", timeout: "1m" },
    ],
    output: { ref: "steps.a" },
  };
  const submitter = await as("submitter");
  const task = await submitter.plans.run(plan);
  const observer = await as("observer");
  await assert.rejects(
    observer.plans.answer(task.id, "ok", { approved: true }),
    { code: "PERMISSION_DENIED" },
  );
  await assert.rejects(observer.ask("orchestrator.plan.run", { plan }), {
    code: "PERMISSION_DENIED",
  });
  await submitter.plans.answer(task.id, "ok", { approved: true });
  assert.equal(await task.result({ timeout: "20s" }), 1);
});

test("only the orchestrator splits lanes; all users follow the split, and all may look at it", async (t) => {
  const as = await shippedBus(t);
  const orchestrator = await as("orchestrator");
  await orchestrator.agents();
  const worker = await as("worker");
  await worker.serve(
    doer(() => "main"),
    quiet,
  );
  await worker.serve(
    doer(() => "canary"),
    { ...quiet, lane: "canary" },
  );
  const [submitter, observer] = [await as("submitter"), await as("observer")];
  for (const bus of [submitter, worker, observer])
    await assert.rejects(bus.lanes.promote("doer", "canary"), {
      code: "PERMISSION_DENIED",
    });
  await orchestrator.lanes.promote("doer", "canary");
  const options = { timeout: "10s" } as const;
  for (const bus of [submitter, worker]) {
    assert.equal(await bus.call("doer.do", 1, options), "canary");
    const keyed = { ...options, key: "a" };
    assert.equal(await bus.call("doer.do", 1, keyed), "canary");
    assert.equal(await bus.ask("doer.do", 1), "canary");
  }
  for (const bus of [orchestrator, worker, observer]) {
    const { lanes, changes } = await bus.lanes.show("doer");
    const canary = lanes.find(({ lane }) => lane === "canary");
    assert.equal(canary?.completed, 4);
    assert.deepEqual(changes[0]?.weights, { canary: 1 });
  }
});
