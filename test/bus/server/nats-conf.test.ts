// nats.conf as it is shipped: the server itself judges it, and its users can do what they need and
// no more. What the bus calls its streams comes from protocol/, so that a new one is not forgotten.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { z } from "zod";
import { findServerBinary } from "../../../bus/server/binary.js";
import { emit, setup } from "xstate";
import {
  agent,
  callSkill,
  connect as connectBus,
  skill,
  type Bus,
} from "../../../index.js";
import { subjectsOf } from "../../../protocol/subjects.js";
import { doer, gate, quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { testServer } from "../../support/server.js";
import { withEnvironment } from "../../support/environment.js";

const run = promisify(execFile);
const path = fileURLToPath(new URL("../../../../nats.conf", import.meta.url));
const users = ["orchestrator", "worker", "submitter", "observer"] as const;
type User = (typeof users)[number];
const passwords = Object.fromEntries(
  users.map((user) => [`TROUPE_${user.toUpperCase()}_PASSWORD`, `pw${user}`]),
);
const denied = { message: /permissions violation/i };

test("the server finds nats.conf valid, and refuses it without passwords", async () => {
  const { path: binary } = await findServerBinary();
  const check = (variables: Record<string, string | undefined>) =>
    withEnvironment(variables, () => run(binary, ["-t", "-c", path]));
  const { stderr } = await check(passwords);
  assert.match(stderr, /is valid/);
  const without = Object.keys(passwords).map((name) => [name, undefined]);
  await assert.rejects(check(Object.fromEntries(without)), {
    message: /variable reference for 'TROUPE_\w+_PASSWORD'/,
  });
});

test("nats.conf names every stream and bucket of the namespace", async () => {
  const text = await readFile(path, "utf8");
  const { streams, buckets, queue } = subjectsOf("troupe");
  const { leases, ...seen } = buckets;
  const names = [
    queue("writer"),
    ...Object.values(streams),
    ...Object.values(seen).map((bucket) => `KV_${bucket}`),
  ];
  // Who leads is the orchestrators' own business.
  assert.equal(text.split(leases).length, 2);
  for (const name of names)
    assert.equal(
      text.split(`"$JS.API.STREAM.INFO.${name}"`).length,
      4,
      `${name} for worker, submitter and observer`,
    );
});

test("a worker pulls, acknowledges and writes the history, and may not touch a stream", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const submitter = jetstream(await as("submitter"));
  await submitter.publish("troupe.task.high.writer.main.headline.t1", "work");

  const connection = await as("worker");
  const manager = await jetstreamManager(connection);
  await manager.consumers.add("troupe_QUEUE_writer", {
    durable_name: "writer",
    ack_policy: AckPolicy.Explicit,
    filter_subject: "troupe.task.high.writer.main.>",
  });
  const consumer = await jetstream(connection).consumers.get(
    "troupe_QUEUE_writer",
    "writer",
  );
  const task = await consumer.next({ expires: 5000 });
  assert.equal(task?.string(), "work");
  await jetstream(connection).publish(
    "troupe.event.task.writer.t1.end.me",
    "done",
  );
  assert.equal(await task.ackAck(), true);
  const end = await manager.direct.getMessage("troupe_EVENTS", { seq: 1 });
  assert.equal(end?.string(), "done");

  await assert.rejects(manager.streams.delete("troupe_QUEUE_writer"), denied);
  await assert.rejects(manager.streams.purge("troupe_EVENTS"), denied);
  await assert.rejects(
    manager.streams.add({ name: "mine", subjects: ["mine"] }),
    denied,
  );
});

test("a worker answers who asks, in several parts, and hears control", async (t) => {
  const as = await shippedServer(t);
  const worker = await as("worker");
  const verbs: string[] = [];
  worker.subscribe("troupe.control.writer.>", {
    callback: (_, message) => void verbs.push(message.subject),
  });
  worker.subscribe("troupe.ask.writer.*", {
    callback: (_, message) => {
      message.respond("one");
      message.respond("two");
    },
  });
  await worker.flush();
  const submitter = await as("submitter");
  const answers: string[] = [];
  const parts = await submitter.requestMany("troupe.ask.writer.headline", "?", {
    maxMessages: 2,
    maxWait: 5000,
  });
  for await (const part of parts) answers.push(part.string());
  assert.deepEqual(answers, ["one", "two"]);
  // A worker may cancel what it called, and no more.
  const other = await as("worker");
  other.publish("troupe.control.writer.cancel");
  other.publish("troupe.control.writer.pause");
  await other.flush();
  (await as("orchestrator")).publish("troupe.control.writer.drain");
  await eventually(() => verbs.includes("troupe.control.writer.drain"));
  assert.deepEqual(verbs, [
    "troupe.control.writer.cancel",
    "troupe.control.writer.drain",
  ]);
});

test("a submitter hears events and replays them, and can neither write history nor take work", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const connection = await as("submitter");
  const heard: string[] = [];
  connection.subscribe("troupe.event.task.>", {
    callback: (_, message) => void heard.push(message.string()),
  });
  await connection.flush();
  await jetstream(await as("worker")).publish(
    "troupe.event.task.writer.t1.end.me",
    "done",
  );
  await eventually(() => heard.includes("done"));
  const replay = await jetstream(connection).consumers.get("troupe_EVENTS");
  assert.equal((await replay.next({ expires: 5000 }))?.string(), "done");

  const manager = await jetstreamManager(connection);
  for (const subject of [
    "troupe.event.task.writer.t1.end.me",
    "troupe.dead.writer.headline.t1",
    "troupe.timer.x",
    "$KV.troupe_agents.writer",
  ])
    await assert.rejects(
      jetstream(connection).publish(subject, "forged"),
      denied,
    );
  await assert.rejects(
    manager.consumers.add("troupe_QUEUE_writer", { durable_name: "thief" }),
    denied,
  );
});

test("an observer reads the history, the dead letters and the registry, and sends nothing", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const worker = await as("worker");
  await jetstream(worker).publish("troupe.dead.writer.headline.t1", "dead");
  const cards = await new Kvm(worker).open("troupe_agents");
  await cards.put("writer", "card");

  const connection = await as("observer");
  const letters = await jetstream(connection).consumers.get("troupe_DEAD");
  assert.equal((await letters.next({ expires: 5000 }))?.string(), "dead");
  const seen = await new Kvm(connection).open("troupe_agents");
  assert.equal((await seen.get("writer"))?.string(), "card");
  for await (const entry of await seen.watch()) {
    assert.equal(entry.string(), "card");
    break;
  }
  for (const subject of [
    "troupe.task.high.writer.main.headline.t1",
    "troupe.event.task.writer.t1.end.me",
  ])
    await assert.rejects(
      jetstream(connection).publish(subject, "forged"),
      denied,
    );
});

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
  await eventually(() => heard.includes("mine") && heard.includes("yours"));
  const [submitter, observer] = [await as("submitter"), await as("observer")];
  for (const bus of [submitter, observer]) {
    const found = await bus.schedules.list();
    assert.deepEqual(
      found.map(({ name, last }) => [name, last !== undefined]),
      [
        ["mine", true],
        ["yours", true],
      ],
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

test("nobody comes in without a password", async (t) => {
  const as = await shippedServer(t);
  await assert.rejects(as("observer", "wrong"), /authorization/i);
});

/** Runs the authorization block as shipped, and answers a way to connect as one of its users. */
async function shippedServer(t: TestContext) {
  const server = await startShipped("writer");
  const connections: NatsConnection[] = [];
  t.after(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop();
  });
  return async (user: User, pass = `pw${user}`) => {
    const connection = await connect({ servers: server.url, user, pass });
    connections.push(connection);
    return connection;
  };
}

/** The same for the bus. */
async function shippedBus(
  t: TestContext,
  agent = "doer",
  edit = (text: string) => text,
) {
  const server = await startShipped(agent, edit);
  const buses: Bus[] = [];
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.stop();
  });
  return async (user: User) => {
    const nats = { user, pass: `pw${user}` };
    const bus = await connectBus({ url: server.url, nats });
    buses.push(bus);
    return bus;
  };
}

async function startShipped(agent: string, edit = (text: string) => text) {
  const text = await readFile(path, "utf8");
  const begin = text.indexOf("authorization {");
  const extraConfig = text
    .slice(begin, text.indexOf("# --- TLS"))
    .replaceAll("QUEUE_writer", `QUEUE_${agent}`)
    .replaceAll("_state.writer", `_state.${agent}`);
  assert.ok(begin > 0 && extraConfig.length > 0);
  return withEnvironment(passwords, () =>
    testServer({ extraConfig: edit(extraConfig) }),
  );
}

async function createStreams(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  const { streams, all, buckets, queue, queued } = subjectsOf("troupe");
  const wanted: [string, string[]][] = [
    [queue("writer"), queued("writer")],
    [streams.events, [all.events]],
    [streams.dead, [all.dead]],
    [streams.timers, all.timers],
  ];
  for (const [name, subjects] of wanted)
    await manager.streams.add({ name, subjects, allow_direct: true });
  for (const bucket of Object.values(buckets))
    await new Kvm(connection).create(bucket);
}
