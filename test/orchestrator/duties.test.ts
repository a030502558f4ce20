import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { agentEvents } from "../../bus/history/agent-events.js";
import type { AgentEvent } from "../../protocol/agent-events.js";
import { doer, gate, quiet, story } from "../support/doer.js";
import { childWorker } from "../support/child-worker.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const { opened, open } = gate();
const echo = doer((input) => (input === "slow" ? opened : input));
const target = echo.skills.do;

async function orchestrated(t: TestContext) {
  const bus = await shared.connect(t);
  const orchestrator = await bus.orchestrate(quiet);
  await eventually(() => orchestrator.term !== undefined);
  return { bus, orchestrator };
}

async function happened(t: TestContext, kind: string): Promise<AgentEvent[]> {
  const link = await shared.link(t);
  const events: AgentEvent[] = [];
  for await (const event of agentEvents(link, { kind })) events.push(event);
  return events;
}

test("tasks that nobody serves end when their deadline has passed, as dead letters, whatever kind they are", async (t) => {
  const { bus, orchestrator } = await orchestrated(t);
  const deadline = "300ms";
  const tasks = await Promise.all([
    bus.submit(target, 1, { id: "plain", deadline, context: "c" }),
    bus.submit(target, 2, { id: "keyed", deadline, key: "k" }),
    bus.submit(target, 3, { id: "timed", deadline, delay: "1h" }),
  ]);
  const later = await bus.submit(target, 4, { id: "later", deadline: "1h" });
  const without = await bus.submit(target, 5, { id: "without" });
  for (const task of tasks)
    await assert.rejects(task.result({ timeout: "20s" }), {
      code: "DEADLINE_PASSED",
      message: /passed while it waited for a worker/,
    });
  const letters = [];
  for await (const letter of bus.deadLetters()) letters.push(letter);
  assert.deepEqual(
    letters.map(({ taskId, code }) => `${taskId} ${code}`).toSorted(),
    ["keyed", "plain", "timed"].map((id) => `${id} DEADLINE_PASSED`),
  );
  const inputs = letters.map(({ input }) => Number(input));
  assert.deepEqual(
    inputs.toSorted((a, b) => a - b),
    [1, 2, 3],
  );
  const [end] = await story(tasks[0]);
  assert.deepEqual(
    [end?.kind, end?.instance, end?.context, end?.skill],
    ["failed", orchestrator.instance, "c", "do"],
  );
  // Nothing is left behind, and nothing else is touched.
  await bus.serve(echo, quiet);
  assert.deepEqual(await later.result(), 4);
  assert.deepEqual(await without.result(), 5);
  const link = await shared.link(t);
  for (const stream of [
    link.subjects.queue("doer"),
    link.subjects.streams.timers,
  ])
    await eventually(
      async () => (await link.jsm.streams.info(stream)).state.messages === 0,
    );
});

test("a redriven letter of a task whose deadline passed is done", async (t) => {
  const { bus } = await orchestrated(t);
  const task = await bus.submit(target, { n: 1 }, { deadline: 1, key: "k" });
  await assert.rejects(task.result(), { code: "DEADLINE_PASSED" });
  for await (const letter of bus.deadLetters()) {
    const id = await letter.redrive();
    await bus.serve(echo, quiet);
    assert.deepEqual(await bus.task(id).result(), { n: 1 });
  }
});

test("each of many tasks ends once, by a worker or by its deadline, and letters are of those that failed", async (t) => {
  const { bus } = await orchestrated(t);
  const tasks = await Promise.all(
    Array.from({ length: 400 }, (_, at) =>
      bus.submit(target, at, { deadline: 1_200 + at, id: `t${at}` }),
    ),
  );
  // From here on both want them.
  await eventually(async () => {
    const { letters } = await bus.query.deadLetters({ limit: 1 });
    return letters.length > 0;
  });
  await bus.serve(echo, { ...quiet, concurrency: 1 });
  const results = await Promise.allSettled(tasks.map((task) => task.result()));
  const failed = results.flatMap(({ status }, at) =>
    status === "rejected" ? [`t${at}`] : [],
  );
  const letters: string[] = [];
  for await (const { taskId } of bus.deadLetters()) letters.push(taskId);
  assert.deepEqual(letters.toSorted(), failed.toSorted());
  assert.ok(failed.length > 0);
  const ends = new Map<string, number>();
  for await (const { taskId, kind } of bus.replay())
    if (kind === "completed" || kind === "failed")
      ends.set(taskId, (ends.get(taskId) ?? 0) + 1);
  assert.equal(ends.size, 400);
  assert.deepEqual(new Set(ends.values()), new Set([1]));
});

test("an instance that dies without a goodbye is told of, one that drains is not", async (t) => {
  const { bus, orchestrator } = await orchestrated(t);
  const { url, namespace } = bus;
  const child = await childWorker({ url, namespace });
  const other = await bus.serve(echo, quiet);
  await bus.submit("child.slow", 60_000);
  await eventually(
    async () => (await bus.instances("child"))[0]?.running === 1,
  );
  child.signal("SIGKILL");
  await other.drain();
  const event = await eventually(async () => (await happened(t, "lost"))[0]);
  assert.deepEqual(
    [event?.agent, event?.data["running"], event?.data["pid"]],
    ["child", 1, child.pid],
  );
  assert.equal(event?.data["term"], orchestrator.term);
  assert.equal((await happened(t, "lost")).length, 1);
});

test("a stream near its limit is told of once", async (t) => {
  const limited = await shared.connect(t, { limits: { maxWaiting: 10 } });
  for (let at = 0; at < 8; at++) await limited.submit(target, at);
  const { orchestrator } = await orchestrated(t);
  const event = await eventually(
    async () => (await happened(t, "near-limit"))[0],
  );
  const { stream, of, used, limit, term } = event!.data;
  assert.match(String(stream), /QUEUE_doer$/);
  assert.deepEqual([of, used, limit], ["messages", 8, 10]);
  assert.equal(term, orchestrator.term);
});

after(open);
