// Orders to pause: what becomes of tasks while they stand, and when they are taken back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import type { Link } from "../../../bus/connection/connection.js";
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
