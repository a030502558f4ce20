import assert from "node:assert/strict";
import { test } from "node:test";
import { lastAgentEvent } from "../../bus/history/agent-events.js";
import { connect } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { testServer } from "../support/server.js";

const shared = sharedServer();
const echo = doer((input) => input);
const { do: target } = echo.skills;

test("it is seen among the agents, under its own name, and gone when it has drained", async (t) => {
  const bus = await shared.connect(t);
  const orchestrator = await bus.orchestrate(quiet);
  const states: string[] = [];
  orchestrator.onState((state) => states.push(state));
  await eventually(() => orchestrator.state === "leading");
  const [card] = await bus.instances("orchestrator");
  assert.equal(card?.instance, orchestrator.instance);
  const { term, leader } = await bus.query.status();
  assert.deepEqual([term, leader], [orchestrator.term, orchestrator.instance]);
  await orchestrator.drain();
  assert.deepEqual(states.slice(-2), ["draining", "stopped"]);
  assert.deepEqual(await bus.instances("orchestrator"), []);
  await assert.rejects(bus.query.status(), { code: "NO_RESPONDERS" });
});

test("of two one leads, and the other when the first has drained, at once and without a word of fencing", async (t) => {
  const one = await shared.connect(t);
  const two = await shared.connect(t);
  const first = await one.orchestrate(quiet);
  await eventually(() => first.state === "leading");
  const second = await two.orchestrate(quiet);
  await eventually(() => second.leader === first.instance);
  const term = first.term!;
  await one.close();
  await eventually(() => second.state === "leading");
  assert.ok(second.term! > term);
  const link = await shared.link(t);
  await eventually(
    async () =>
      (await lastAgentEvent(link, { kind: "leading" }))?.instance ===
      second.instance,
  );
  assert.equal(await lastAgentEvent(link, { kind: "fenced" }), undefined);
});

test("a log that was replaced is folded anew, and what was on the old one is not told", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(echo, quiet);
  const orchestrator = await bus.orchestrate(quiet);
  for (const id of ["a", "b", "c"]) await bus.call(target, id, { id });
  assert.equal((await bus.query.tasks()).tasks.length, 3);
  const link = await shared.link(t);
  await link.jsm.streams.delete(link.subjects.streams.events);
  const other = await shared.connect(t); // makes the streams
  await other.call(target, "d", { id: "d" });
  const { tasks } = await bus.query.tasks();
  assert.deepEqual(
    tasks.map(({ taskId }) => taskId),
    ["d"],
  );
  await eventually(() => orchestrator.state === "leading");
});

test("history that was purged is forgotten", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(echo, quiet);
  await bus.orchestrate(quiet);
  for (const id of ["a", "b", "c"]) await bus.call(target, id, { id });
  const link = await shared.link(t);
  await link.jsm.streams.purge(link.subjects.streams.events);
  await bus.call(target, "d", { id: "d" });
  const { tasks, log } = await bus.query.tasks();
  assert.deepEqual(
    tasks.map(({ taskId }) => taskId),
    ["d"],
  );
  assert.equal(log.from, log.to);
});

test("over a kill of the server one leads again, and all answer the same as before", async (t) => {
  await using server = await testServer();
  const { url } = server;
  await using one = await connect({ url });
  await using two = await connect({ url });
  const both = [await one.orchestrate(quiet), await two.orchestrate(quiet)];
  await one.serve(echo, quiet);
  for (let at = 0; at < 20; at++) await one.call(target, at);
  const before = (await one.query.tasks({ limit: 50 })).tasks;
  assert.equal(before.length, 20);
  await server.kill();
  await server.restart();
  const leading = () => both.filter(({ state }) => state === "leading");
  await eventually(() => leading().length === 1);
  const seen = new Set<string>();
  await eventually(async () => {
    seen.add((await one.query.status()).instance);
    return seen.size === 2;
  });
  for (let round = 0; round < 6; round++)
    assert.deepEqual((await one.query.tasks({ limit: 50 })).tasks, before);
  t.diagnostic(`leading: ${leading()[0]?.instance}`);
});

test("where only an orchestrator runs, what falls due goes to its queue", async (t) => {
  const bus = await shared.connect(t);
  await bus.orchestrate(quiet);
  const task = await bus.submit(target, 1, { delay: "100ms" });
  await eventually(async () => {
    const { tasks } = await bus.query.tasks({ task: task.id });
    return tasks[0] !== undefined && tasks[0].dueAt === undefined;
  });
});

test("a window that is none is refused", async (t) => {
  const bus = await shared.connect(t);
  for (const window of [0, 1.5, -1])
    await assert.rejects(bus.orchestrate({ ...quiet, window }), {
      code: "ARGUMENT_INVALID",
    });
});

test("however quickly the log grows while it is asked, it does not take it for another", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(echo, { ...quiet, concurrency: 64 });
  const orchestrator = await bus.orchestrate(quiet);
  const states: string[] = [];
  orchestrator.onState((state) => states.push(state));
  let ending = false;
  const lane = async () => {
    while (!ending) await bus.call(target, 1);
  };
  const lanes = Array.from({ length: 32 }, lane);
  for (let round = 0; round < 100; round++) await bus.query.status();
  ending = true;
  await Promise.all(lanes);
  assert.deepEqual(
    states.filter((state) => state !== "leading"),
    [],
  );
});
