import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { serveFlow, type FlowHandler } from "../../support/stepping-flow.js";

const shared = sharedServer();

const flow = async (t: TestContext, run: FlowHandler) => {
  const bus = await shared.connect(t);
  return { bus, ...(await serveFlow(bus, run)) };
};

test("a step is done once, and its result is there when the handler runs again", async (t) => {
  const done: string[] = [];
  const { bus } = await flow(t, async (task) => {
    const a = await task.step("a", () => done.push("a"));
    const b = await task.step("b", () => ({
      at: new Date(0),
      b: done.push("b"),
    }));
    if (task.attempt < 3) throw new Error("once more");
    return { a, b };
  });
  const output = await bus.call("flow.run", {});
  assert.deepEqual(output, { a: 1, b: { at: new Date(0), b: 2 } });
  assert.deepEqual(done, ["a", "b"]);
});

test("a failed step is tried again by its own rules, and only its last failure is told to the handler", async (t) => {
  let tries = 0;
  const { bus, runs } = await flow(t, async (task) => {
    try {
      await task.step(
        "bad",
        () => {
          tries++;
          throw new Error(`no ${tries}`);
        },
        { retry: { attempts: 3, first: "5ms" } },
      );
    } catch (error) {
      return (error as Error).message;
    }
    return "never";
  });
  assert.equal(await bus.call("flow.run", {}), "no 3");
  assert.equal(tries, 3);
  assert.equal(runs(), 1);
});

test("a step that takes too long is stopped, and tried again", async (t) => {
  const aborted: boolean[] = [];
  const { bus } = await flow(t, (task) =>
    task.step(
      "slow",
      ({ attempt, signal }) => {
        if (attempt === 2) return "quick";
        signal.addEventListener("abort", () => aborted.push(true));
        return new Promise<string>(() => undefined);
      },
      { timeout: "50ms", retry: { attempts: 2, first: "1ms" } },
    ),
  );
  assert.equal(await bus.call("flow.run", {}), "quick");
  assert.deepEqual(aborted, [true]);
});

test("a step may have longer than a timer of Node's lasts", async (t) => {
  const { bus } = await flow(t, (task) =>
    task.step("long", () => new Promise((done) => setTimeout(done, 50)), {
      timeout: "60d",
      retry: { attempts: 1 },
    }),
  );
  await bus.call("flow.run", {});
});

test("what a step gives must be plain data, and the error names the place", async (t) => {
  const { bus } = await flow(t, (task) =>
    task.step("odd", () => ({ list: [1, { f: () => 1 }] })),
  );
  await assert.rejects(bus.call("flow.run", {}), {
    code: "STEP_RESULT_INVALID",
    message: /"list\[1\]\.f" is a function/,
  });
});

test("children are called once, some at a time, and their results come in order", async (t) => {
  const { bus } = await flow(t, async (task) => {
    const results = await task.map(
      [1, 2, 3, 4, 5],
      (n) => task.call("flow.double", n) as Promise<number>,
      { concurrency: 2 },
    );
    if (task.attempt === 1) throw new Error("once more");
    return results;
  });
  const task = await bus.submit("flow.run", {});
  assert.deepEqual(await task.result(), [2, 4, 6, 8, 10]);
  const ends = [];
  for await (const event of bus.replay({
    agent: "flow",
    until: new Date(Date.now() + 1000),
  }))
    if (event.kind === "completed") ends.push(event.taskId);
  assert.equal(ends.length, 6);
  assert.equal(new Set(ends).size, 6);
});

test("parents that wait for children of their own agent give them their slots", async (t) => {
  const { bus } = await flow(t, (task, depth) =>
    (depth as number) === 0
      ? task.step("leaf", () => 1)
      : task.call("flow.run", (depth as number) - 1),
  );
  const all = Array.from({ length: 12 }, () => bus.call("flow.run", 3));
  assert.deepEqual(
    await Promise.all(all),
    Array.from({ length: 12 }, () => 1),
  );
});

test("a task that sleeps for longer than a moment leaves its worker, and comes back", async (t) => {
  const { bus, worker, runs } = await flow(t, async (task) => {
    const first = task.uuid();
    const before = await task.now();
    await task.sleep("1600ms");
    const after = await task.now();
    return {
      first,
      second: task.uuid(),
      slept: after.getTime() - before.getTime(),
    };
  });
  const task = await bus.submit("flow.run", {});
  await eventually(() => worker.counts.parked === 1);
  assert.equal(worker.card().running, 0);
  const { first, second, slept } = (await task.result()) as Record<
    string,
    never
  >;
  assert.equal(runs(), 2);
  assert.notEqual(first, second);
  assert.ok(slept! >= 1_200, String(slept));
});

test("a signal that was sent before it is waited for is there, and counts once by its id", async (t) => {
  const { bus } = await flow(t, async (task) => {
    await task.call("flow.slow", 300);
    const one = await task.waitFor("go");
    const two = await task
      .waitFor("go", { timeout: "100ms" })
      .catch((error: { code: string }) => error.code);
    return { one, two };
  });
  const task = await bus.submit("flow.run", {}, { id: "s1" });
  assert.equal(await bus.signal("s1", "go", 1, { id: "x" }), true);
  assert.equal(await bus.signal("s1", "go", 2, { id: "x" }), false);
  assert.deepEqual(await task.result(), { one: 1, two: "WAIT_TIMED_OUT" });
  await assert.rejects(bus.signal("s1", "go"), { code: "TASK_ENDED" });
  await assert.rejects(bus.signal("nobody", "go"), { code: "TASK_UNKNOWN" });
});

test("a signal wakes a task that has left its worker; one that does not fit is passed over", async (t) => {
  const { bus, worker } = await flow(t, (task) =>
    task.waitFor("go", { schema: z.object({ ok: z.boolean() }) }),
  );
  const task = await bus.submit("flow.run", {});
  await eventually(() => worker.counts.parked === 1);
  await task.signal("go", "no object");
  await task.signal("go", { ok: true });
  assert.deepEqual(await task.result(), { ok: true });
});

test("a child that ends wakes its parent, which has left its worker meanwhile", async (t) => {
  const { bus, worker, runs } = await flow(t, (task) =>
    task.call("flow.slow", 2_000),
  );
  const task = await bus.submit("flow.run", {});
  await eventually(() => worker.counts.parked === 1);
  assert.equal(await task.result(), "done");
  assert.equal(runs(), 2);
});

test("the first of several wins, and wins again when the handler runs again", async (t) => {
  const { bus } = await flow(t, async (task) => {
    const winner = await task.race([
      task.step(
        "slow",
        () =>
          new Promise<string>((resolve) => setTimeout(resolve, 120, "slow")),
      ),
      task.step("quick", () => "quick"),
      task.sleep("60ms").then(() => "sleep"),
    ]);
    await task.step("then", () => 1);
    await task.sleep("100ms");
    if (task.attempt === 1) throw new Error("once more");
    return winner;
  });
  assert.equal(await bus.call("flow.run", {}), "quick");
});

test("a handler that no longer fits waits, with what was expected and found, for one that does", async (t) => {
  const served = (name: string) =>
    flow(t, async (task) => {
      const result = await task.step(name, () => name);
      await task.sleep("1600ms");
      return result;
    });
  const old = await served("old");
  const task = await old.bus.submit("flow.run", {});
  await eventually(() => old.worker.counts.parked >= 1);
  await old.worker.drain();
  const { bus, worker } = await served("new");
  await eventually(() => worker.counts.parked >= 2);
  const history = [];
  for await (const event of bus.replay({ task: task.id }))
    history.push(event.error?.message);
  assert.match(history.join(), /expected step "old", found step "new"/);
  await worker.drain();
  await served("old");
  assert.equal(await task.result(), "old");
});

test("a handler can change for new tasks and stay the same for those under way", async (t) => {
  let isNew = false;
  const { bus, worker } = await flow(t, async (task) => {
    await task.step("a", () => 1);
    if (!isNew) await task.sleep("1600ms");
    else if (task.patched("no sleep")) await task.step("b", () => 2);
    else await task.sleep("1600ms");
    return (
      (await task.step("c", () => 3)) +
      (isNew && task.patched("no sleep") ? 100 : 0)
    );
  });
  const old = await bus.submit("flow.run", {});
  await eventually(() => worker.counts.parked === 1);
  isNew = true;
  assert.equal(await old.result(), 3);
  assert.equal(await bus.call("flow.run", {}), 103);
});

test("a request that is not stored runs its steps, and cannot wait for signals", async (t) => {
  const { bus } = await flow(t, async (task, input) =>
    input === "wait" ? task.waitFor("go") : task.step("a", () => 1),
  );
  assert.equal(await bus.ask("flow.run", "step"), 1);
  await assert.rejects(bus.ask("flow.run", "wait"), {
    code: "STEP_UNAVAILABLE",
  });
});

test("two steps of the same name are two steps", async (t) => {
  const { bus } = await flow(t, async (task) => {
    const all = [];
    for (const n of [1, 2, 3]) all.push(await task.step("same", () => n));
    if (task.attempt === 1) throw new Error("once more");
    return all;
  });
  assert.deepEqual(await bus.call("flow.run", {}), [1, 2, 3]);
});

test("a worker that drains leaves what only waits to the others at once", async (t) => {
  const { bus, worker } = await flow(t, async (task) => {
    await task.sleep("2s");
    return task.attempt;
  });
  const task = await bus.submit("flow.run", {}, { key: "k" }); // it keeps its place, and so is not parked
  await eventually(() => worker.card().running === 1);
  const { bus: other } = await flow(t, (again) => again.sleep("2s"));
  const startedAt = performance.now();
  await worker.drain();
  assert.ok(performance.now() - startedAt < 1_500);
  assert.equal(worker.counts.returned, 1);
  await task.result();
  await other.close();
});
