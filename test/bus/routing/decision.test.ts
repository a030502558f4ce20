// Who is chosen of those that fit, and what is told of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Need, TaskEvent } from "../../../index.js";
import { gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { known, stage, teller } from "../../support/teller.js";

const shared = sharedServer();

test("a decision says why, and its reasons stand in the history of the task", async (t) => {
  const bus = await stage(
    shared,
    t,
    teller("one", "1.1.0"),
    teller("two", "1.2.0"),
  );
  const need: Need = {
    skill: "summarize",
    version: "^1",
    prefer: "round-robin",
  };
  const route = await bus.route(need);
  assert.deepEqual(
    [route.agent, route.strategy, route.why, route.fitting],
    ["one", "round-robin", "turn 1 of 2", 2],
  );
  assert.equal((await bus.route(need)).agent, "one", "it takes nobody's turn");
  assert.deepEqual(
    route.candidates.map(({ agent: name, version }) => [name, version]),
    [
      ["one", "1.1.0"],
      ["two", "1.2.0"],
    ],
  );
  assert.deepEqual(await bus.tasks(), [], "a question submits nothing");

  await bus.call(need, 1);
  const task = await bus.submit(need, 1);
  await task.result();
  const found = await bus.find(task.id);
  assert.equal(found?.route?.agent, "two");
  assert.deepEqual(found.route.need, need);
  assert.equal(found.route.why, "turn 2 of 2");
  const events: TaskEvent[] = [];
  for await (const event of bus.replay({ task: task.id })) events.push(event);
  assert.equal(events.at(-1)?.route?.candidates.length, 2);
  const plain = await bus.submit("one.summarize", 1);
  await plain.result();
  assert.equal((await bus.find(plain.id))?.route, undefined);
});

test("the route of a task is known while it waits, and when it was canceled", async (t) => {
  const { opened, open } = gate();
  const slow = teller("slow", "1.0.0", "Waits", () => opened);
  const bus = await stage(shared, t, slow);
  const task = await bus.submit("summarize@1", 1);
  assert.equal((await bus.find(task.id))?.route?.agent, "slow");
  await task.cancel("enough");
  open();
  assert.equal((await bus.find(task.id))?.state, "canceled");
  assert.equal((await bus.find(task.id))?.route?.agent, "slow");
});

test("round-robin takes turns, weighted keeps shares, and sticky stays", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("one"), { ...quiet, weight: 3 });
  await bus.serve(teller("two"), quiet);
  const caller = await known(await shared.connect(t), 2);
  const routes = async (count: number, need: Need, options = {}) => {
    const agents: string[] = [];
    for (let i = 0; i < count; i++)
      agents.push((await caller.submit(need, 1, options)).agent!);
    return agents;
  };
  const skillName = { skill: "summarize" };
  assert.deepEqual(await routes(4, { ...skillName, prefer: "round-robin" }), [
    "one",
    "two",
    "one",
    "two",
  ]);
  const weighted = await routes(8, { ...skillName, prefer: "weighted" });
  assert.equal(weighted.filter((name) => name === "one").length, 6);
  const given = {
    ...skillName,
    prefer: "weighted",
    weights: { one: 0, two: 1 },
  } as const;
  assert.deepEqual(new Set(await routes(4, given)), new Set(["two"]));

  const sticky = { ...skillName, prefer: "sticky" } as const;
  for (const context of ["a", "b", "c"])
    assert.equal(new Set(await routes(3, sticky, { context })).size, 1);
  const many = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      caller.route(sticky, { context: `c${at}` }),
    ),
  );
  const ones = many.filter(({ agent: name }) => name === "one").length;
  assert.ok(ones > 25 && ones < 75, `${ones} of 100`);
  await assert.rejects(caller.route(sticky), { code: "ARGUMENT_INVALID" });
});

test("least-loaded goes where there is room, and fastest where it was quick", async (t) => {
  const { opened, open } = gate();
  const busy = teller("busy", "2.0.0", "Condenses", () => opened);
  const bus = await stage(shared, t, busy, teller("calm"));
  const held = [bus.call("busy.summarize", 1), bus.call("busy.summarize", 2)];
  await bus.call("calm.summarize", 1);
  const least: Need = { skill: "summarize", prefer: "least-loaded" };
  await eventually(async () => {
    const { candidates } = await bus.route(least);
    return candidates.some(({ load = 0 }) => load > 0);
  });
  assert.equal((await bus.route(least)).agent, "calm");
  open();
  await Promise.all(held);
  const fastest: Need = { skill: "summarize", prefer: "fastest" };
  await eventually(async () => {
    const { candidates } = await bus.route(fastest);
    return candidates.every(({ latencyMs }) => latencyMs !== undefined);
  });
  const route = await bus.route(fastest);
  assert.equal(route.agent, "calm");
  assert.match(route.why, /ms is the least of 2/);
});

test("who names the agent opens no directory", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("text"), quiet);
  const caller = await shared.connect(t);
  await caller.call("text.summarize", 1);
  await caller.ask("text.summarize", 1);
  const link = await shared.link(t);
  const watchers = async () => {
    const { buckets } = link.subjects;
    const stream = `KV_${buckets.instances}`;
    return (await link.jsm.consumers.list(stream).next()).length;
  };
  assert.equal(await watchers(), 0);
  await known(caller, 1);
  assert.equal(await watchers(), 1);
});
