// What only processes of their own can show: draining on a signal, death in mid-task, clocks that differ.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Duration, TaskHandle } from "../../index.js";
import { startChild } from "../support/child.js";
import { childWorker } from "../support/child-worker.js";
import { doer, quiet, story } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const hourMs = 3_600_000;
const opened = async (t: TestContext) => {
  const bus = await shared.connect(t);
  return { bus, place: { url: bus.url, namespace: bus.namespace } };
};
type Ran = { pid: number; attempt: number };

test("on SIGTERM a worker finishes what it has in hand, takes nothing new, and ends by the signal", async (t) => {
  const { bus, place } = await opened(t);
  await using worker = await childWorker({ ...place, concurrency: 2 });
  const tasks: TaskHandle[] = [];
  for (let at = 0; at < 6; at++)
    tasks.push(await bus.submit("child.slow", 400));
  await eventually(() => worker.started.length === 2);
  worker.signal("SIGTERM");
  assert.equal(await worker.ended, "SIGTERM");
  assert.equal(worker.started.length, 2);
  for (const task of tasks.slice(0, 2)) {
    assert.deepEqual(await task.result(), { pid: worker.pid, attempt: 1 });
    assert.equal((await story(task)).length, 1);
  }
  for (const task of tasks.slice(2))
    assert.equal(await task.state(), "submitted");
  assert.deepEqual(await bus.instances("child"), []);
  // All that was left is at once with another, and nothing of it was ever begun.
  await using next = await childWorker({ ...place, concurrency: 4 });
  const results = await Promise.all(
    tasks.slice(2).map((task) => task.result({ timeout: "5s" })),
  );
  assert.ok(results.every((result) => (result as Ran).pid === next.pid));
  assert.equal(next.started.length, 4);
});

test("a task whose worker is killed -9 in the midst of it is done by another", async (t) => {
  const { bus, place } = await opened(t);
  const first = await childWorker({ ...place, ackWait: "1s" });
  const task = await bus.submit("child.slow", 300);
  await eventually(() => first.started.length === 1);
  first.signal("SIGKILL");
  assert.equal(await first.ended, "SIGKILL");
  await using second = await childWorker({ ...place, ackWait: "1s" });
  assert.deepEqual(await task.result({ timeout: "10s" }), {
    pid: second.pid,
    attempt: 2,
  });
  assert.deepEqual(
    (await story(task)).map(({ kind }) => kind),
    ["started", "completed"],
  );
});

for (const starts of ["serve", "orchestrate"] as const)
  test(`a bus that is closed while it begins to ${starts} leaves nothing behind that keeps its process alive`, async (t) => {
    const { place } = await opened(t);
    const told = { ...place, starts };
    const hasty = await startChild<{ ms: number }>(t, "hasty-process", told);
    const late = new AbortController();
    const ended = await Promise.race([
      hasty.ended,
      wait(20_000, "still there", { signal: late.signal }),
    ]);
    late.abort();
    assert.equal(ended, 0);
  });

test("keyed tasks stay in order when the worker of one is killed -9", async (t) => {
  const { bus, place } = await opened(t);
  const first = await childWorker({ ...place, ackWait: "1s", concurrency: 4 });
  const tasks: TaskHandle[] = [];
  for (let at = 0; at < 3; at++)
    tasks.push(await bus.submit("child.slow", 50, { key: "k" }));
  await eventually(() => first.started.length > 0);
  first.signal("SIGKILL");
  await first.ended;
  await using second = await childWorker({
    ...place,
    ackWait: "1s",
    concurrency: 4,
  });
  await Promise.all(tasks.map((task) => task.result({ timeout: "10s" })));
  const order = () => [...new Set([...first.started, ...second.started])];
  await eventually(() => order().length === tasks.length); // what it says comes by a pipe
  assert.deepEqual(
    order(),
    tasks.map(({ id }) => id),
  );
});

for (const clockShiftMs of [hourMs, -hourMs]) {
  const direction = clockShiftMs > 0 ? "ahead" : "behind";

  test(`a worker whose clock is an hour ${direction} keeps deadlines as they were meant`, async (t) => {
    const { bus, place } = await opened(t);
    await using worker = await childWorker({ ...place, clockShiftMs });
    assert.ok(Math.abs(worker.now - Date.now() - clockShiftMs) < 60_000);
    await bus.call("child.slow", 1, { deadline: "30s" });
    await bus.call("child.slow", 1, {
      deadline: new Date(Date.now() + 30_000),
      delay: "1ms",
    });
    await assert.rejects(
      bus.call("child.slow", 60_000, { deadline: "500ms", timeout: "10s" }),
      { code: "DEADLINE_PASSED" },
    );
    assert.equal((await bus.instances("child")).length, 1);
  });

  test(`a submitter whose clock is an hour ${direction} has its deadlines kept as they were meant`, async (t) => {
    const { bus, place } = await opened(t);
    const home = doer(async (input) => {
      await wait(input as number);
      return "in time";
    });
    await bus.serve(home, quiet);
    await using _worker = await childWorker({ ...place, clockShiftMs });
    const relay = (input: number, deadline: Duration) =>
      bus.call("child.relay", { target: "doer.do", input, deadline });
    assert.equal(await relay(1, "30s"), "in time");
    await assert.rejects(relay(3_000, "500ms"), { code: "DEADLINE_PASSED" });
  });
}
