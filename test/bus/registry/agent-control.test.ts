// Orders to an agent, where its instances are in processes that obey; test/e2e/pause.test.ts kills some.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import {
  agentEvents,
  recordAgentEvent,
} from "../../../bus/history/agent-events.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { Link } from "../../../bus/connection/connection.js";
import type { KnownAgentEvent } from "../../../protocol/agent-events.js";
import { levels } from "../../../protocol/levels.js";
import { doer, gate, quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("a paused agent takes no task, in any lane or with any key, and nothing is lost", async (t) => {
  const bus = await shared.connect(t);
  const handled: unknown[] = [];
  const handle = (input: unknown) => {
    handled.push(input);
    return input;
  };
  const worker = await bus.serve(doer(handle), quiet);
  const operator = await shared.connect(t);
  const paused = await operator.pauseAgent("doer", { reason: "repairs" });
  assert.deepEqual(
    paused.map(({ instance, state }) => [instance, state]),
    [[worker.instance, "paused"]],
  );
  const tasks = await Promise.all([
    bus.submit("doer.do", 1),
    bus.submit("doer.do", 2, { priority: "critical" }),
    bus.submit("doer.do", 3, { key: "k" }),
    bus.submit("doer.do", 4, { delay: "10ms" }),
  ]);
  const late = await bus.serve(doer(handle), quiet);
  assert.equal(late.card().state, "paused", "one that starts later");
  for (const task of tasks)
    assert.ok(["submitted", "working"].includes(await task.state()));
  assert.deepEqual(handled, []);
  assert.equal((await operator.agentOrders()).get("doer")?.reason, "repairs");
  const resumed = await operator.resumeAgent("doer");
  assert.deepEqual(
    resumed.map(({ state }) => state),
    ["ready", "ready"],
  );
  const outputs = await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(outputs, [1, 2, 3, 4]);
  assert.equal(handled.length, 4);
  assert.equal((await operator.agentOrders()).get("doer")?.reason, undefined);
});

test("a task that comes while its agent is paused is delivered once, when the agent is resumed", async (t) => {
  const bus = await shared.connect(t);
  const attempts: number[] = [];
  const recording = agent("doer", {
    skills: {
      do: skill({
        description: "Says which attempt it is",
        input: z.number(),
        run: (_input, task) => void attempts.push(task.attempt),
      }),
    },
  });
  await bus.serve(recording, quiet);
  await bus.call(recording.skills.do, 0); // its instance waits for more, at every level and for this key
  await bus.call(recording.skills.do, 0, { key: "k" });
  const link = await shared.link(t);
  let given = 2;
  for (let round = 0; round < 3; round++) {
    await bus.pauseAgent("doer");
    const tasks = await Promise.all([
      ...levels.map((priority) => bus.submit("doer.do", 1, { priority })),
      bus.submit("doer.do", 1, { key: "k" }),
    ]);
    const states = await Promise.all(tasks.map((task) => task.state()));
    assert.deepEqual(new Set(states), new Set(["submitted"]));
    assert.equal(await deliveriesOf(link, "doer"), given);
    await bus.resumeAgent("doer");
    for (const task of tasks)
      assert.deepEqual(
        (await story(task)).map(({ kind }) => kind),
        ["completed"],
      );
    given += tasks.length;
  }
  assert.equal(await deliveriesOf(link, "doer"), given);
  assert.deepEqual(new Set(attempts), new Set([1]));
});

/** How often the server has handed out a task of the agent, to whomever. */
async function deliveriesOf(link: Link, agentName: string): Promise<number> {
  let count = 0;
  const queue = link.subjects.queue(agentName);
  for await (const { delivered } of link.jsm.consumers.list(queue))
    count += delivered.consumer_seq;
  return count;
}

test("what waits at a limit does not begin while the agent is paused, and does when it is resumed", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const begun: unknown[] = [];
  const narrow = agent("doer", {
    skills: {
      do: skill({
        description: "One at a time",
        input: z.number(),
        atOnce: 1,
        async run(input) {
          begun.push(input);
          await opened;
          return input;
        },
      }),
    },
  });
  await bus.serve(narrow, quiet);
  const tasks = await Promise.all(
    [1, 2, 3].map((input) => bus.submit(narrow.skills.do, input)),
  );
  await eventually(() => begun.length === 1);
  await bus.pauseAgent("doer");
  open();
  await eventually(async () => (await bus.instances("doer"))[0]?.done === 1);
  assert.equal(begun.length, 1);
  await bus.resumeAgent("doer");
  await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(
    begun.map(Number).sort((a, b) => a - b),
    [1, 2, 3],
  );
});

test("tasks in hand finish while the agent is paused", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  await bus.serve(
    doer(() => opened),
    quiet,
  );
  const task = await bus.submit("doer.do", 1);
  await eventually(async () => (await task.state()) === "working");
  const [card] = await bus.pauseAgent("doer");
  assert.equal(card?.running, 1);
  open();
  await task.result();
  await eventually(async () => (await bus.instances())[0]?.done === 1);
});

test("one lane is paused alone; a lane of an agent that is paused as a whole is not resumed alone", async (t) => {
  const bus = await shared.connect(t);
  const main = await bus.serve(
    doer((input) => input),
    quiet,
  );
  const next = await bus.serve(
    doer((input) => input),
    {
      ...quiet,
      lane: "next",
    },
  );
  const states = () => [main.card().state, next.card().state];
  await bus.pauseAgent("doer", { lane: "next" });
  assert.deepEqual(states(), ["ready", "paused"]);
  await bus.pauseAgent("doer");
  assert.deepEqual(states(), ["paused", "paused"]);
  await assert.rejects(bus.resumeAgent("doer", { lane: "main" }), {
    code: "STATE_REFUSED",
  });
  await bus.resumeAgent("doer");
  assert.deepEqual(states(), ["ready", "ready"]);
  await bus.pauseAgent("doer", { lane: "next" });
  await bus.resumeAgent("doer", { lane: "next" });
  assert.deepEqual(states(), ["ready", "ready"]);
});

test("who asks a paused agent is told so at once", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.pauseAgent("doer", { reason: "repairs" });
  await assert.rejects(bus.ask("doer.do", 1), {
    code: "AGENT_PAUSED",
    message: /agent "doer" is paused \(repairs\)/,
    retryable: true,
  });
  await bus.resumeAgent("doer");
  assert.equal(await bus.ask("doer.do", 1), 1);
});

test("who asks a lane that is paused is told so, and the other lanes answer", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => "main"),
    quiet,
  );
  const next = { ...quiet, lane: "next" };
  await bus.serve(
    doer(() => "next"),
    next,
  );
  const ask = (lane: string) => bus.ask("doer.do", 1, { lane });
  await bus.pauseAgent("doer", { lane: "next" });
  await assert.rejects(ask("next"), {
    code: "AGENT_PAUSED",
    message: /agent "doer" is paused in lane "next"/,
  });
  assert.equal(await ask("main"), "main");
  await bus.resumeAgent("doer", { lane: "next" });
  assert.equal(await ask("next"), "next");
});

test("an agent that nobody serves is paused for whoever will", async (t) => {
  const bus = await shared.connect(t);
  assert.deepEqual(await bus.pauseAgent("doer"), []);
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  assert.equal(worker.card().state, "paused");
  await bus.pauseAgent("doer");
  await bus.resumeAgent("doer");
  await bus.resumeAgent("doer");
  assert.equal(await bus.call("doer.do", 1), 1);
});

test("all instances drain, or one of them, and finish what they have in hand", async (t) => {
  const operator = await shared.connect(t);
  const { opened, open } = gate();
  const serve = async () => {
    const bus = await shared.connect(t);
    return bus.serve(
      doer(() => opened),
      { ...quiet, concurrency: 1 },
    );
  };
  const workers = [await serve(), await serve(), await serve()];
  const [first, ...others] = workers;
  const gone = await operator.drainAgent("doer", { instance: first!.instance });
  assert.deepEqual(
    gone.map(({ instance }) => instance),
    [first!.instance],
  );
  await first!.stopped;
  assert.equal((await operator.instances("doer")).length, 2);
  const task = await operator.submit("doer.do", 1);
  await eventually(async () => (await task.state()) === "working");
  const draining = operator.drainAgent("doer");
  await eventually(async () =>
    (await operator.instances("doer")).some(
      ({ state, running }) => state === "draining" && running === 1,
    ),
  );
  open();
  assert.equal((await draining).length, 2);
  await Promise.all(others.map(({ stopped }) => stopped));
  assert.equal(await task.state(), "completed");
  assert.deepEqual(await operator.drainAgent("doer"), []);
});

test("an instance that does not obey in time is named, and the order stands", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const worker = await bus.serve(
    doer(() => opened),
    quiet,
  );
  const task = await bus.submit("doer.do", 1);
  await eventually(async () => (await task.state()) === "working");
  await assert.rejects(bus.drainAgent("doer", { timeout: "300ms" }), {
    code: "WAIT_TIMED_OUT",
    message: new RegExp(`"${worker.instance}".*The order stands`),
  });
  open();
  await worker.stopped;
});

test("what happens to an instance stands on the log, in order", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.pauseAgent("doer", { reason: "repairs" });
  await bus.resumeAgent("doer");
  await bus.drainAgent("doer");
  const kinds = async (instance: string) => {
    const found = [];
    for await (const { kind, data } of agentEvents(link, {
      agent: "doer",
      instance,
    }))
      found.push(data["reason"] === undefined ? kind : `${kind}, repairs`);
    return found;
  };
  await eventually(async () => (await kinds(worker.instance)).length === 5);
  assert.deepEqual(await kinds(worker.instance), [
    "started",
    "paused, repairs",
    "resumed",
    "draining",
    "stopped",
  ]);
  assert.deepEqual(await kinds("-"), ["paused, repairs", "resumed"]);
});

test("while the log cannot be written an instance takes nothing; when it can, it says so and goes on", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { streams } = link.subjects;
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await eventually(async () => (await bus.instances()).length === 1);
  const { config } = await link.jsm.streams.info(streams.events);
  await link.jsm.streams.update(streams.events, {
    ...config,
    max_msg_size: 10,
  });
  const tasks = await Promise.all(
    Array.from({ length: 20 }, (_, at) => bus.submit("doer.do", at)),
  );
  await eventually(() => worker.card().state === "degraded");
  assert.match(worker.card().troubles![0]!, /^log: /);
  await eventually(
    async () => (await bus.instances())[0]?.state === "degraded",
  );
  await link.jsm.streams.update(streams.events, { ...config });
  const outputs = await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(outputs, Array.from(tasks.keys()));
  await eventually(() => worker.card().state === "ready");
  assert.equal(worker.card().troubles, undefined);
  const recovered = [];
  for await (const event of agentEvents(link, { kind: "recovered" }))
    recovered.push(event.data["trouble"]);
  assert.deepEqual(recovered, ["log"]);
});

test("an instance whose event loop was blocked says so and goes on", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await bus.serve(
    doer((input) => input),
    { ...quiet, ackWait: "1s" },
  );
  const until = performance.now() + 2_200; // a tick of a second, and one more
  while (performance.now() < until);
  const events = async () => {
    for await (const { data } of agentEvents(link, { kind: "recovered" }))
      return data;
    return undefined;
  };
  const told = await eventually(events);
  assert.equal(told!["trouble"], "event loop");
  assert.equal(await bus.call("doer.do", 1), 1);
});

test("events of others under an agent's name do not disturb", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await recordAgentEvent(link, new Publisher(link), {
    agent: "doer",
    instance: "other",
    kind: "sang",
    data: {},
  } as unknown as KnownAgentEvent); // of a newer version
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  assert.equal(await bus.call("doer.do", 1), 1);
});

test("instances that start in the moment of a pause begin nothing after it", async (t) => {
  const operator = await shared.connect(t);
  const begun: number[] = [];
  const busy = doer(() => {
    begun.push(performance.now());
  });
  await (await operator.serve(busy, quiet)).drain(); // its queue is there
  const buses = await Promise.all(
    Array.from({ length: 6 }, () => shared.connect(t)),
  );
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 50 }, () => operator.submit(busy.skills.do, 1)),
    );
    const starting = buses.map((bus) => bus.serve(busy, quiet));
    await Promise.race(starting); // the others are about to
    await operator.pauseAgent("doer");
    const paused = performance.now();
    const workers = await Promise.all(starting);
    assert.ok(workers.every((worker) => worker.card().state === "paused"));
    assert.deepEqual(
      begun.filter((at) => at > paused),
      [],
    );
    await Promise.all(workers.map((worker) => worker.drain()));
    await operator.resumeAgent("doer");
  }
});
