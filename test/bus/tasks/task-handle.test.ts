import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TaskEvent } from "../../../index.js";
import { doer, gate, quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("one id submitted twice is one task, and both hear its result, also from two connections", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  let runs = 0;
  const count = doer((input) => `${String(input)} ${++runs}`);
  const first = await bus.submit(count.skills.do, "first", { id: "t 1" });
  const second = await other.submit(count.skills.do, "second", { id: "t 1" });
  const third = other.call(count.skills.do, "third", { id: "t 1" });
  assert.deepEqual([first.duplicate, second.duplicate], [false, true]);
  await bus.serve(count, quiet);
  assert.equal(await first.result(), "first 1");
  assert.equal(await second.result(), "first 1");
  assert.equal(await third, "first 1");
});

test("an id that has ended is not run again, and who asks for it hears its result", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  let runs = 0;
  const count = doer(() => ++runs);
  await bus.serve(count, quiet);
  assert.equal(await bus.call(count.skills.do, 1, { id: "t1" }), 1);
  for (const again of [bus, other]) {
    const task = await again.submit(count.skills.do, 1, { id: "t1" });
    assert.equal(task.duplicate, true);
    assert.equal(await task.result(), 1);
    assert.equal(await again.call(count.skills.do, 1, { id: "t1" }), 1);
  }
  // Behind them in the queue.
  await bus.call(count.skills.do, 1, { priority: "low" });
  assert.equal(runs, 2);
});

test("an id that has ended is not run again with another level, key or delay", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const count = doer(() => ++runs);
  await bus.serve(count, quiet);
  const id = "t1";
  assert.equal(await bus.call(count.skills.do, 1, { id }), 1);
  for (const more of [
    { priority: "high" },
    { key: "k" },
    { delay: "1ms" },
  ] as const) {
    assert.equal(await bus.call(count.skills.do, 1, { id, ...more }), 1);
    const task = await bus.submit(count.skills.do, 1, { id, ...more });
    assert.equal(await task.result(), 1);
  }
  await bus.call(count.skills.do, 1, { priority: "low", delay: "500ms" });
  await bus.call(count.skills.do, 1, { key: "k" });
  assert.equal(runs, 3);
});

test("a result can be heard by its id from another connection, before and after the end", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const slow = doer(() => opened.then(() => "out"));
  await bus.serve(slow, quiet);
  const task = await bus.submit(slow.skills.do, 1);
  const other = await shared.connect(t);
  const early = other.task(task.id).result();
  await other.task(task.id).state();
  open();
  assert.equal(await early, "out");
  assert.equal(await other.task(task.id).result(), "out");
});

test("a task is submitted while it waits, working from its first attempt on, and then what it ended as", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const { opened: begun, open: begin } = gate();
  const slow = doer(() => {
    begin();
    return opened;
  });
  const states = async (id: string) => {
    const found = await bus.find(id);
    return [await bus.task(id).state(), found?.state];
  };
  for (const more of [{ id: "plain" }, { id: "keyed", key: "k" }]) {
    await bus.submit(slow.skills.do, 1, more);
    assert.deepEqual(await states(more.id), ["submitted", "submitted"]);
  }
  await bus.serve(slow, quiet);
  await begun;
  for (const id of ["plain", "keyed"])
    await eventually(
      async () => (await states(id)).join() === "working,working",
    );
  open();
  for (const id of ["plain", "keyed"]) {
    await bus.task(id).result();
    assert.deepEqual(await states(id), ["completed", "completed"]);
  }
});

test("a wait ends, and says what it waited for", async (t) => {
  const bus = await shared.connect(t);
  const idle = doer(() => 1);
  const task = await bus.submit(idle.skills.do, 1, { id: "t1" });
  const expected = {
    code: "WAIT_TIMED_OUT",
    message: /waited 300ms for .*task "t1".* still on the bus/,
  };
  await assert.rejects(task.result({ timeout: "300ms" }), expected);
  await assert.rejects(
    bus.call(idle.skills.do, 1, { id: "t1", timeout: "300ms" }),
    expected,
  );
  await assert.rejects(async () => {
    for await (const _event of task.events({ timeout: "100ms" }));
  }, /task "t1" had no event for 100ms/);
  assert.equal(await task.state(), "submitted");
});

test("a task that never was is unknown", async (t) => {
  const bus = await shared.connect(t);
  for (const verb of ["state", "cancel"] as const)
    await assert.rejects(bus.task("t1")[verb](), {
      code: "TASK_UNKNOWN",
      message: /there is no task "t1"/,
    });
  await assert.rejects(bus.task("t1").result({ timeout: "100ms" }), {
    code: "WAIT_TIMED_OUT",
  });
});

test("events come as a snapshot and then as they happen: no gap, no duplicate, whenever one begins to look", async (t) => {
  const bus = await shared.connect(t);
  const gates = Array.from({ length: 4 }, gate);
  const steps = doer(
    async (_input, task) => {
      await gates[task.attempt - 1]!.opened;
      if (task.attempt < 4) throw new Error(`attempt ${task.attempt}`);
    },
    { retry: { first: "1ms" } },
  );
  await bus.serve(steps, quiet);
  const task = await bus.submit(steps.skills.do, 1);
  const stories: Promise<TaskEvent[]>[] = [];
  for (const { open } of gates) {
    const other = await shared.connect(t);
    stories.push(story(other.task(task.id)), story(task));
    open();
  }
  await task.result();
  stories.push(story(task));
  for (const events of await Promise.all(stories))
    assert.deepEqual(
      events.map(({ kind, attempt }) => `${kind} ${attempt}`),
      [
        "attempt 1",
        "started 2",
        "attempt 2",
        "started 3",
        "attempt 3",
        "started 4",
        "completed 4",
      ],
    );
});

test("a waiting task is canceled for good: nobody begins it", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const count = doer(() => ++runs);
  const task = await bus.submit(count.skills.do, 1);
  assert.equal(await task.cancel("changed my mind"), true);
  assert.equal(await task.cancel("again"), false);
  await bus.serve(count, quiet);
  await bus.call(count.skills.do, 1, { priority: "low" });
  assert.equal(runs, 1);
  assert.equal(await task.state(), "canceled");
  await assert.rejects(task.result(), {
    code: "TASK_CANCELED",
    message: "changed my mind",
  });
});

test("a delayed task is canceled before it is due", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const count = doer(() => ++runs);
  await bus.serve(count, quiet);
  const task = await bus.submit(count.skills.do, 1, { delay: "200ms" });
  assert.equal(await task.cancel(), true);
  await bus.call(count.skills.do, 1, { delay: "500ms" });
  assert.equal(runs, 1);
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
});

test("a running task's signal is aborted, and its result no longer counts", async (t) => {
  const bus = await shared.connect(t);
  const { opened: running, open: runs } = gate();
  let reason: unknown;
  const deaf = doer(async (_input, task) => {
    runs();
    await once(task.signal, "abort");
    reason = task.signal.reason;
    return "too late";
  });
  const worker = await bus.serve(deaf, quiet);
  const other = await shared.connect(t);
  const task = await bus.submit(deaf.skills.do, 1);
  await running;
  assert.equal(await other.task(task.id).cancel("stop it"), true);
  await assert.rejects(task.result(), {
    code: "TASK_CANCELED",
    message: "stop it",
  });
  await eventually(() => (reason as Error | undefined)?.message === "stop it");
  await eventually(() => worker.card().running === 0);
  assert.deepEqual(
    (await story(task)).map(({ kind }) => kind),
    ["canceled"],
  );
});

test("a task that has ended cannot be canceled", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => "done");
  await bus.serve(quick, quiet);
  const task = await bus.submit(quick.skills.do, 1);
  await task.result();
  assert.equal(await task.cancel(), false);
  assert.equal(await task.result(), "done");
});

test("of a cancel and an end at the same time exactly one wins", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => "done");
  await bus.serve(quick, quiet);
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const task = await bus.submit(quick.skills.do, 1);
      const canceled = await task.cancel();
      const state = await task.state();
      assert.equal(state, canceled ? "canceled" : "completed");
      const ends = (await story(task)).length;
      assert.equal(ends, 1);
      return state;
    }),
  );
  assert.equal(outcomes.length, 40);
});
