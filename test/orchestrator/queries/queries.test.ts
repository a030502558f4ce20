import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { agent, refuse, reject, skill, type Bus } from "../../../index.js";
import type { TasksQuery } from "../../../orchestrator/queries/query.js";
import { gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const input = z.object({
  ms: z.number().default(0),
  fail: z.string().default(""),
});
const { opened, open } = gate();

const writer = agent("writer", {
  skills: {
    headline: skill({
      description: "Writes",
      input,
      retry: { attempts: 2, first: "1ms" },
      async run({ ms, fail }) {
        if (ms > 0) await wait(ms);
        if (fail === "reject") throw reject("not mine");
        if (fail === "refuse") throw refuse("the river rose too high");
        if (fail !== "") throw new Error(fail);
        return { ms };
      },
    }),
    slow: skill({ description: "Waits", input: z.any(), run: () => opened }),
  },
});
const { headline, slow } = writer.skills;

async function orchestrated(t: TestContext, options = {}): Promise<Bus> {
  const bus = await shared.connect(t);
  await bus.orchestrate({ ...quiet, ...options });
  return bus;
}

const settle = (task: Promise<unknown>) => task.catch(() => undefined);

/** All pages of a query, and how many there were. */
async function pages(bus: Bus, query: TasksQuery) {
  const ids: string[] = [];
  let count = 0;
  let cursor: string | undefined;
  do {
    const answer = await bus.query.tasks({ ...query, cursor });
    ids.push(...answer.tasks.map(({ taskId }) => taskId));
    cursor = answer.cursor;
    count++;
  } while (cursor !== undefined);
  return { ids, count };
}

test("tasks are found by agent, skill, state, context, lane, level, time and error", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  await bus.serve(writer, { ...quiet, lane: "next" });
  const id = (name: string) => ({ id: name });
  await bus.call(headline, {}, { ...id("plain"), context: "c1" });
  await bus.call(headline, {}, { ...id("urgent"), priority: "high" });
  await bus.call(headline, {}, { ...id("other lane"), lane: "next" });
  await settle(bus.call(headline, { fail: "reject" }, id("rejected")));
  await settle(bus.call(headline, { fail: "refuse" }, id("refused")));
  await settle(bus.call(headline, { fail: "It broke" }, id("broken")));
  const waiting = { ...headline, agent: "nobody" };
  await bus.submit(waiting, {}, { ...id("waits"), context: "c1" });
  await bus.submit(waiting, {}, { ...id("keyed"), key: "k" });
  await bus.submit(waiting, {}, { ...id("timed"), delay: "1h" });

  const find = async (query: TasksQuery) =>
    (await bus.query.tasks(query)).tasks.map(({ taskId }) => taskId).toSorted();
  const cases: [TasksQuery, string[]][] = [
    [{ agent: "nobody" }, ["keyed", "timed", "waits"]],
    [{ skill: "slow" }, []],
    [{ skill: "headline", agent: "nobody" }, ["keyed", "timed", "waits"]],
    [{ state: "rejected" }, ["rejected"]],
    [
      { state: ["submitted", "rejected"] },
      ["keyed", "rejected", "timed", "waits"],
    ],
    [{ context: "c1" }, ["plain", "waits"]],
    [{ lane: "next" }, ["other lane"]],
    [{ level: "high" }, ["urgent"]],
    [{ error: "RIVER" }, ["refused"]],
    [{ error: "attempts_exhausted" }, ["broken"]],
    [{ task: "broken" }, ["broken"]],
    [{ task: "keyed" }, ["keyed"]],
    [{ since: "1h", state: "failed" }, ["broken", "refused"]],
    [{ until: "1h" }, []],
    [{ since: new Date(Date.now() + 3_600_000) }, []],
  ];
  for (const [query, expected] of cases)
    assert.deepEqual(await find(query), expected, JSON.stringify(query));
  const { tasks, log } = await bus.query.tasks({
    task: "broken",
    values: true,
  });
  const [broken] = tasks;
  assert.deepEqual(
    [broken?.state, broken?.attempts, broken?.error?.code, broken?.input],
    ["failed", 2, "ATTEMPTS_EXHAUSTED", { fail: "It broke" }],
  );
  assert.ok(broken?.at instanceof Date);
  assert.deepEqual([log.from, log.behind], [1, 0]);
  await assert.rejects(bus.query.tasks({ limit: 0 }), {
    code: "INPUT_INVALID",
    message: /limit/,
  });
});

test("a task in hand is working; one whose workers are gone waits", async (t) => {
  const bus = await orchestrated(t);
  const stateOf = async (id: string) =>
    (await bus.query.tasks({ task: id })).tasks[0]?.state;
  const task = await bus.submit(slow, 1, { id: "slow one" });
  assert.equal(await stateOf(task.id), "submitted");
  const other = await shared.connect(t);
  await other.serve(writer, { ...quiet, drain: 1, ackWait: "1s" });
  await eventually(async () => (await stateOf(task.id)) === "working");
  await other.close();
  await eventually(async () => (await stateOf(task.id)) === "submitted");
  open();
  await bus.serve(writer, quiet);
  await task.result();
  assert.equal(await stateOf(task.id), "completed");
});

test("pages hold what there is once and in order, whatever comes meanwhile", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  const ids = Array.from({ length: 25 }, (_, at) => `task-${at + 10}`);
  for (const [at, id] of ids.entries())
    await bus.call(headline, { ms: (at * 7) % 5 }, { id });
  const newest = await bus.query.tasks({ limit: 10 });
  for (let more = 0; more < 5; more++) await bus.call(headline, {});
  const second = await bus.query.tasks({ limit: 10, cursor: newest.cursor });
  const third = await bus.query.tasks({ limit: 10, cursor: second.cursor });
  const seen = [newest, second, third].flatMap(({ tasks }) =>
    tasks.map(({ taskId }) => taskId),
  );
  assert.deepEqual(seen, ids.toReversed());
  assert.equal(third.cursor, undefined);

  const oldest = await pages(bus, { limit: 7, order: "oldest" });
  assert.deepEqual(oldest.ids.slice(0, 25), ids);
  assert.equal(oldest.count, 5);

  const nobody = { ...headline, agent: "nobody" };
  await bus.submit(nobody, {}, { id: "waits" });
  const slowest = await bus.query.tasks({ limit: 31, order: "slowest" });
  assert.equal(slowest.tasks.length, 30);
  const both = await bus.query.tasks({
    limit: 1,
    order: "slowest",
    state: ["submitted", "completed"],
  });
  assert.equal(both.tasks[0]?.taskId, "waits");
  const took = slowest.tasks.map(({ tookMs = 0 }) => tookMs);
  assert.deepEqual(
    took,
    took.toSorted((one, other) => other - one),
  );
  const paged = await pages(bus, { limit: 4, order: "slowest" });
  assert.deepEqual(
    paged.ids,
    slowest.tasks.map(({ taskId }) => taskId),
  );
});

test("pages go from what waits on to what has ended, and back to the same place in a queue", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  const waiting = { ...headline, agent: "nobody" };
  for (let at = 0; at < 5; at++) {
    await bus.submit(waiting, {}, { id: `w${at}` });
    await bus.call(headline, {}, { id: `e${at}` });
  }
  const { ids, count } = await pages(bus, { limit: 2 });
  const expected = ["w0", "w1", "w2", "w3", "w4", "e4", "e3", "e2", "e1", "e0"];
  assert.deepEqual(ids, expected);
  assert.equal(count, 5);
});

test("a cursor of another query is refused", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  await bus.call(headline, {});
  await bus.call(headline, {});
  const { cursor } = await bus.query.tasks({ limit: 1 });
  assert.ok(cursor);
  for (const query of [{ cursor, agent: "writer" }, { cursor: "x" }])
    await assert.rejects(bus.query.tasks(query), { code: "ARGUMENT_INVALID" });
});

test("agents are told with their instances, load and results", async (t) => {
  const bus = await orchestrated(t);
  const worker = await bus.serve(writer, { ...quiet, concurrency: 4 });
  await bus.call(headline, { ms: 5 });
  await settle(bus.call(headline, { fail: "It broke" }));
  const { agents } = await bus.query.agents({ agent: "writer" });
  const [found] = agents;
  assert.deepEqual(
    found?.instances.map(({ instance, concurrency }) => [
      instance,
      concurrency,
    ]),
    [[worker.instance, 4]],
  );
  const { completed, failed, retried, p50Ms } = found.ended;
  assert.deepEqual([completed, failed, retried], [1, 1, 1]);
  assert.ok(p50Ms >= 4, `${p50Ms} ms`);
  assert.deepEqual(
    found.skills.map(({ skill: name, ended }) => [name, ended.completed]),
    [["headline", 1]],
  );
  const firstOf = await bus.query.agents({ limit: 1 });
  const { cursor } = firstOf;
  const second = await bus.query.agents({ limit: 1, cursor });
  assert.deepEqual(
    [...firstOf.agents, ...second.agents].map(({ name }) => name),
    ["orchestrator", "writer"],
  );
  assert.equal(second.cursor, undefined);
  const all = await bus.query.agents();
  assert.deepEqual(
    all.agents.map(({ name }) => name),
    ["orchestrator", "writer"],
  );
});

test("contexts are told newest first, with how their tasks ended", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  for (const context of ["a", "b", "a"])
    await bus.call(headline, {}, { context });
  await settle(bus.call(headline, { fail: "refuse" }, { context: "b" }));
  const { contexts, cursor } = await bus.query.contexts({ limit: 1 });
  const [first] = contexts;
  assert.deepEqual(
    [first?.context, first?.completed, first?.failed, first?.open],
    ["b", 1, 1, 0],
  );
  await bus.call(headline, {}, { context: "c" });
  const next = await bus.query.contexts({ limit: 1, cursor });
  assert.deepEqual(
    next.contexts.map(({ context, completed }) => [context, completed]),
    [["a", 2]],
  );
  assert.equal(next.cursor, undefined);
});

test("dead letters are found and paged, without those that are gone", async (t) => {
  const bus = await orchestrated(t);
  await bus.serve(writer, quiet);
  for (const fail of ["refuse", "east", "west"])
    await settle(bus.call(headline, { fail }, { id: `dead-${fail}` }));
  const find = async (query: Parameters<Bus["query"]["deadLetters"]>[0]) =>
    (await bus.query.deadLetters(query)).letters.map(({ taskId }) => taskId);
  assert.deepEqual(await find({}), ["dead-west", "dead-east", "dead-refuse"]);
  assert.deepEqual(await find({ order: "oldest", limit: 1 }), ["dead-refuse"]);
  assert.deepEqual(await find({ code: "HANDLER_REFUSED" }), ["dead-refuse"]);
  assert.deepEqual(await find({ error: "EAST" }), ["dead-east"]);
  const { cursor } = await bus.query.deadLetters({ limit: 2 });
  assert.deepEqual(await find({ limit: 2, cursor }), ["dead-refuse"]);
  for await (const letter of bus.deadLetters({ task: "dead-east" }))
    await letter.purge();
  assert.deepEqual(await find({}), ["dead-west", "dead-refuse"]);
});

test("a small window holds the newest, and says from where", async (t) => {
  const bus = await orchestrated(t, { window: 5 });
  await bus.serve(writer, quiet);
  for (let at = 0; at < 12; at++)
    await bus.call(headline, {}, { id: `task-${at}` });
  const { tasks, log } = await bus.query.tasks();
  assert.equal(log.to - log.from, 4);
  assert.equal(tasks[0]?.taskId, "task-11");
  assert.ok(tasks.length <= 5);
  const status = await bus.query.status();
  assert.deepEqual([status.window, status.events], [5, tasks.length]);
});

test("where no orchestrator is, the asker is told at once", async (t) => {
  const bus = await shared.connect(t);
  await assert.rejects(bus.query.tasks(), {
    code: "NO_RESPONDERS",
    message: /^no orchestrator runs here.*`npx troupe up`/,
  });
});

test("all orchestrators answer the same", async (t) => {
  const first = await orchestrated(t);
  await first.serve(writer, quiet);
  for (const fail of ["", "refuse", "", "x"])
    await settle(first.call(headline, { fail }, { context: "c" }));
  const second = await orchestrated(t);
  const content = async () => ({
    tasks: await first.query.tasks({ values: true }),
    contexts: await first.query.contexts(),
    letters: await first.query.deadLetters(),
  });
  const seen = new Set<string>();
  const answers = new Set<string>();
  await eventually(async () => {
    const { instance } = await second.query.status();
    seen.add(instance);
    const before = (await first.query.status()).log.to;
    const answer = JSON.stringify(await content());
    if ((await first.query.status()).log.to === before) answers.add(answer);
    return seen.size === 2 && answers.size > 0;
  });
  for (let round = 0; round < 10; round++)
    answers.add(JSON.stringify(await content()));
  assert.equal(answers.size, 1);
});
