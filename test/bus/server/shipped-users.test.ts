// What the users of nats.conf can do through the bus, and what they may not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { emit, setup } from "xstate";
import { agent, callSkill, skill } from "../../../index.js";
import { doer, gate, quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { shippedBus } from "../../support/shipped-server.js";

test("the shipped users serve, call, ask, follow and replay through the bus", async (t) => {
  const as = await shippedBus(t);
  await (await as("orchestrator")).agents(); // makes the registry's buckets
  const worker = await as("worker");
  const submitter = await as("submitter");
  const observer = await as("observer");
  const { opened, open } = gate();
  const flaky = doer(
    async (input, task): Promise<unknown> => {
      if (input === "slow") return opened;
      if (input === "nested") return worker.call("doer.do", "inner");
      if (task.attempt === 1 && input !== "inner") throw new Error("once more");
      return task.attempt;
    },
    { retry: { first: "1ms" } },
  );
  await worker.serve(flaky, quiet);
  const wait = { timeout: "10s" } as const;
  assert.equal(await submitter.call(flaky.skills.do, 1, wait), 2);
  assert.equal(await submitter.call("doer.do", 1, { ...wait, key: "k" }), 2);
  assert.equal(await submitter.call("doer.do", "nested", wait), 1);
  assert.equal(await submitter.ask("doer.do", "inner"), 1);
  const anyone = { skill: "do", wait: "10s" } as const;
  for (const bus of [submitter, worker])
    assert.equal(await bus.call(anyone, "inner", wait), 1);
  assert.equal((await observer.route(anyone)).agent, "doer");
  const task = await submitter.submit(flaky.skills.do, 1);
  const kinds = ["attempt", "started", "completed"];
  for (const bus of [submitter, worker, observer])
    assert.deepEqual(
      (await story(bus.task(task.id))).map(({ kind }) => kind),
      kinds,
    );
  const replayed: string[] = [];
  for await (const { kind } of observer.replay({ task: task.id }))
    replayed.push(kind);
  assert.deepEqual(replayed, kinds);
  assert.equal(await submitter.task(task.id).state(), "completed");
  assert.equal((await observer.instances("doer")).length, 1);
  const slow = await submitter.submit(flaky.skills.do, "slow");
  for (const bus of [submitter, worker, observer])
    await eventually(
      async () => (await bus.task(slow.id).state()) === "working",
    );
  open();
  await slow.result();
});

test("a stateful agent works as a worker: its records, timers, calls and what it emits", async (t) => {
  const as = await shippedBus(t);
  await (await as("orchestrator")).agents();
  const machine = setup({
    types: {
      events: {} as { type: "GO" } | { type: "ECHO" } | { type: "END" },
    },
    actors: { echo: callSkill("doer.ECHO", { context: "other" }) },
  }).createMachine({
    initial: "idle",
    states: {
      idle: { on: { GO: "calling", ECHO: "echoed" } },
      calling: { invoke: { src: "echo", onDone: "waiting" } },
      waiting: { after: { 50: "late", 60_000: "idle" } },
      late: { entry: emit({ type: "late" }), on: { END: "over" } },
      echoed: {},
      over: { type: "final" },
    },
  });
  const stateful = agent("doer", { machine });
  await (await as("worker")).serve(stateful, quiet);
  const submitter = await as("submitter");
  const context = submitter.context(stateful, "c");
  await context.call({ type: "GO" }, { timeout: "10s" });
  const seen = (await as("observer")).context(stateful, "c");
  await eventually(async () => {
    for await (const { event } of seen.emitted()) return event.type === "late";
    return false;
  });
  await context.call({ type: "END" }, { timeout: "10s" });
  assert.equal((await seen.snapshot())?.state, "over");
});

test("the instances of an agent share its limits as workers, and the breaker is what an ask is told of", async (t) => {
  const as = await shippedBus(t, "writer");
  await (await as("orchestrator")).agents();
  const writer = agent("writer", {
    skills: {
      write: skill({
        description: "Writes, within limits",
        input: z.boolean(),
        retry: { attempts: 1 },
        breaker: { failures: 2, rest: "1m" },
        atOnce: { limit: 2, shared: true },
        rate: { limit: 1_000, per: "1s" },
        run(fails) {
          if (fails) throw new Error("down");
          return "written";
        },
      }),
    },
  });
  const worker = await as("worker");
  await worker.serve(writer, quiet);
  const submitter = await as("submitter");
  assert.equal(await submitter.call("writer.write", false), "written");
  for (let times = 0; times < 2; times++)
    await assert.rejects(submitter.call("writer.write", true));
  await eventually(() =>
    submitter.ask("writer.write", false).then(
      () => false,
      ({ code }: { code: string }) => code === "BREAKER_OPEN",
    ),
  );
  const kinds: string[] = [];
  const observer = await as("observer");
  for await (const { kind } of observer.replay({ kind: "agent" }))
    kinds.push(kind);
  assert.ok(kinds.includes("breaker-opened"));
});

test("workers fire what they or the orchestrator have scheduled; the others may look at schedules, and no more", async (t) => {
  const as = await shippedBus(t);
  const orchestrator = await as("orchestrator");
  await orchestrator.agents();
  const worker = await as("worker");
  const heard: unknown[] = [];
  await worker.serve(
    doer((input) => heard.push(input)),
    quiet,
  );
  const often = { every: "1s" } as const;
  await worker.schedule("mine", often, "doer.do", "mine");
  await orchestrator.schedule("yours", often, "doer.do", "yours");
  await orchestrator.schedule("whose", often, "do@>=0", "whose");
  const inputs = ["mine", "whose", "yours"];
  await eventually(() => inputs.every((input) => heard.includes(input)));
  const [submitter, observer] = [await as("submitter"), await as("observer")];
  for (const bus of [submitter, observer]) {
    const found = await bus.schedules.list();
    assert.deepEqual(
      found.map(({ name, last }) => [name, last !== undefined]),
      inputs.map((name) => [name, true]),
    );
    await assert.rejects(bus.schedules.pause("mine"), {
      code: "PERMISSION_DENIED",
    });
    await assert.rejects(bus.schedule("other", often, "doer.do", 1), {
      code: "PERMISSION_DENIED",
    });
  }
});

test("a worker that may not fire schedules serves all the same, and leaves them to others", async (t) => {
  const withoutScheduler = (text: string) =>
    text.replaceAll(/^.*TIMERS\.scheduler.*$/gm, "");
  const as = await shippedBus(t, "doer", withoutScheduler);
  const orchestrator = await as("orchestrator");
  await orchestrator.agents();
  const heard: unknown[] = [];
  await (
    await as("worker")
  ).serve(
    doer((input) => heard.push(input)),
    quiet,
  );
  await orchestrator.schedule("s", { every: "1s" }, "doer.do", 1);
  await (await as("submitter")).call("doer.do", 2);
  await orchestrator.orchestrate(quiet);
  await eventually(() => heard.includes(1));
});
