// What becomes of attempts that fail, take too long, are called off or given back.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { refuse, reject } from "../../index.js";
import { doer, gate, quiet, story } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

test("when the deadline passes the handler's signal is aborted and the task fails for good", async (t) => {
  const bus = await shared.connect(t);
  let aborted: unknown;
  const late = doer(async (_input, task) => {
    await once(task.signal, "abort");
    aborted = task.signal.reason;
  });
  await bus.serve(late, quiet);
  await assert.rejects(bus.call(late.skills.do, 1, { deadline: "700ms" }), {
    code: "DEADLINE_PASSED",
    message: /passed while doer\.do worked on it/,
  });
  assert.equal((aborted as { code?: string }).code, "DEADLINE_PASSED");
});

test("a task whose deadline passed while it waited is not begun", async (t) => {
  const bus = await shared.connect(t);
  let begun = false;
  const late = doer(() => (begun = true));
  const task = await bus.submit(late.skills.do, 1, { deadline: "1ms" });
  const submittedAt = Date.now();
  await eventually(() => Date.now() > submittedAt + 20);
  await bus.serve(late, quiet);
  await assert.rejects(task.result(), {
    code: "DEADLINE_PASSED",
    message: /before an instance of "doer" took it up/,
  });
  assert.equal(begun, false);
});

test("a handler that never returns is ended by its timeout, and the slot is free again", async (t) => {
  const bus = await shared.connect(t);
  const endless = doer(() => new Promise(() => undefined), {
    timeout: "80ms",
    retry: { attempts: 2, first: "1ms" },
  });
  const worker = await bus.serve(endless, { ...quiet, concurrency: 1 });
  await assert.rejects(bus.call(endless.skills.do, 1), {
    code: "ATTEMPTS_EXHAUSTED",
    message: /all 2 attempts failed.*longer than its timeout of 80ms/,
  });
  await eventually(() => worker.card().running === 0);
});

test("work that takes longer than the ack wait is kept alive and not given to another", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  let runs = 0;
  const long = doer(async (_input, task) => {
    runs++;
    await wait(2_500);
    return task.attempt;
  });
  await bus.serve(long, { ...quiet, ackWait: "1s" });
  await other.serve(long, { ...quiet, ackWait: "1s" });
  assert.equal(await bus.call(long.skills.do, 1), 1);
  assert.equal(runs, 1);
});

test("a failed attempt is tried again after its wait, and each attempt is on the log", async (t) => {
  const bus = await shared.connect(t);
  const startedAt: number[] = [];
  const flaky = doer(
    (_input, task) => {
      startedAt.push(Date.now());
      if (task.attempt < 3) throw new Error(`attempt ${task.attempt}`);
      return "at last";
    },
    { retry: { attempts: 3, first: "200ms", backoff: "constant" } },
  );
  await bus.serve(flaky, quiet);
  const task = await bus.submit(flaky.skills.do, 1);
  assert.equal(await task.result(), "at last");
  const events = await story(task);
  assert.deepEqual(
    events.map(({ kind, attempt, error }) => [kind, attempt, error?.message]),
    [
      ["attempt", 1, "attempt 1"],
      ["started", 2, undefined],
      ["attempt", 2, "attempt 2"],
      ["started", 3, undefined],
      ["completed", 3, undefined],
    ],
  );
  for (const at of [1, 2])
    assert.ok(startedAt[at]! - startedAt[at - 1]! >= 100, "it waited");
});

test("when the attempts are used up the task fails with the last error", async (t) => {
  const bus = await shared.connect(t);
  const cursed = doer(
    (_input, task) => {
      throw new Error(`attempt ${task.attempt}`);
    },
    { retry: { attempts: 3, first: "1ms" } },
  );
  await bus.serve(cursed, quiet);
  await assert.rejects(bus.call(cursed.skills.do, 1), {
    code: "ATTEMPTS_EXHAUSTED",
    message: "all 3 attempts failed; the last one: attempt 3",
  });
});

test("an attempt that fails with more than a message takes counts, and what it says is cut", async (t) => {
  const bus = await shared.connect(t);
  let attempts = 0;
  const wordy = doer(
    () => {
      attempts++;
      throw new Error("x".repeat(2_000_000));
    },
    { retry: { attempts: 2, first: "1ms" } },
  );
  await bus.serve(wordy, quiet);
  await assert.rejects(bus.call(wordy.skills.do, 1), {
    code: "ATTEMPTS_EXHAUSTED",
  });
  assert.equal(attempts, 2);
});

test("a retry that is far off is left to a timer, holds no slot, and can be canceled", async (t) => {
  const bus = await shared.connect(t);
  const patient = doer(
    (input, task) => {
      if (input === "fail") throw new Error("later");
      return task.attempt;
    },
    { retry: { first: "1d", max: "1d" } },
  );
  await bus.serve(patient, { ...quiet, concurrency: 1 });
  const task = await bus.submit(patient.skills.do, "fail");
  const events = task.events();
  const { value } = await events.next();
  assert.ok(value!.retryAt!.getTime() > Date.now() + 11 * 3_600_000);
  await events.return();
  assert.equal(await bus.call(patient.skills.do, 1), 1);
  await eventually(async () => (await task.state()) === "working");
  assert.equal(await task.cancel(), true);
  assert.equal(await task.state(), "canceled");
});

test("refuse ends a task at once with a dead letter, reject without one", async (t) => {
  const bus = await shared.connect(t);
  const picky = doer((input) => {
    throw input === "refuse"
      ? refuse("no use", { data: { field: "x" } })
      : reject("not mine");
  });
  await bus.serve(picky, quiet);
  const refused = await bus.submit(picky.skills.do, "refuse");
  await assert.rejects(refused.result(), {
    code: "HANDLER_REFUSED",
    message: "no use",
    data: { field: "x" },
  });
  const rejected = await bus.submit(picky.skills.do, "reject");
  await assert.rejects(rejected.result(), {
    code: "TASK_REJECTED",
    message: "not mine",
  });
  assert.equal(await refused.state(), "failed");
  assert.equal(await rejected.state(), "rejected");
  const dead: string[] = [];
  for await (const letter of bus.deadLetters()) dead.push(letter.taskId);
  assert.deepEqual(dead, [refused.id]);
});

test("an error that says it is not retryable is not tried again", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const sure = doer(() => {
    runs++;
    throw Object.assign(new Error("gone for good"), { retryable: false });
  });
  await bus.serve(sure, quiet);
  await assert.rejects(bus.call(sure.skills.do, 1), {
    code: "HANDLER_FAILED",
    message: "gone for good",
  });
  assert.equal(runs, 1);
});

test("a task whose handler waits for another that is canceled fails, and is not itself called canceled", async (t) => {
  const bus = await shared.connect(t);
  const { opened: begun, open: begin } = gate();
  const outer = doer(
    async (input, task): Promise<unknown> => {
      if (input === "outer")
        return bus.call("doer.do", "inner", { id: "inner" });
      begin();
      return once(task.signal, "abort");
    },
    { retry: { attempts: 1 } },
  );
  await bus.serve(outer, quiet);
  const task = await bus.submit(outer.skills.do, "outer");
  await begun;
  await bus.task("inner").cancel("not needed");
  await assert.rejects(task.result(), {
    code: "HANDLER_FAILED",
    message: "not needed",
  });
  assert.equal(await task.state(), "failed");
});

test("a task whose handler called another that was rejected fails, and is not itself called rejected", async (t) => {
  const bus = await shared.connect(t);
  const outer = doer((input): unknown => {
    if (input === "call") return bus.call("doer.do", "inner");
    if (input === "ask") return bus.ask("doer.do", "inner");
    throw reject("not mine");
  });
  await bus.serve(outer, quiet);
  for (const verb of ["call", "ask"]) {
    const task = await bus.submit(outer.skills.do, verb);
    await assert.rejects(task.result(), {
      code: "HANDLER_FAILED",
      message: "not mine",
    });
    assert.equal(await task.state(), "failed");
  }
  const inner = await bus.submit(outer.skills.do, "inner");
  await assert.rejects(inner.result(), { code: "TASK_REJECTED" });
  assert.equal(await inner.state(), "rejected");
});

test("a task that does not finish while its worker drains is called off and done by another", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  const { opened: begun, open: begin } = gate();
  let aborted: unknown;
  const stuck = doer(async (_input, task) => {
    begin();
    await once(task.signal, "abort");
    aborted = task.signal.reason;
  });
  const worker = await bus.serve(stuck, { ...quiet, drain: "100ms" });
  const task = await bus.submit(stuck.skills.do, 1);
  await begun;
  await worker.drain();
  assert.equal((aborted as { code?: string }).code, "WORKER_STOPPING");
  await other.serve(
    doer(() => "done by another"),
    quiet,
  );
  assert.equal(await task.result({ timeout: "5s" }), "done by another");
});

test("a task that is given back again and again is taken for no killer of workers", async (t) => {
  const bus = await shared.connect(t);
  let begin = (): void => undefined;
  const stuck = doer(
    async (_input, task) => {
      begin();
      await once(task.signal, "abort");
    },
    { retry: { crashes: 1 } },
  );
  const task = await bus.submit(stuck.skills.do, 1);
  for (let round = 0; round < 3; round++) {
    const { opened: begun, open } = gate();
    begin = open;
    const worker = await bus.serve(stuck, { ...quiet, drain: 1 });
    await begun;
    await worker.drain();
    assert.equal(worker.counts.returned, 1);
  }
  const last = doer((_input, { attempt }) => attempt, {
    retry: { crashes: 1 },
  });
  await bus.serve(last, quiet);
  assert.equal(await task.result({ timeout: "5s" }), 4);
  const events = await story(task);
  assert.deepEqual(
    events.map(({ kind, attempt }) => `${kind} ${attempt}`),
    [
      "started 2",
      "returned 2",
      "started 3",
      "returned 3",
      "started 4",
      "completed 4",
    ],
  );
  assert.equal(events[1]?.error?.code, "WORKER_STOPPING");
});

test("the letter of an earlier task with the same id does not bury a later one", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { opened: begun, open: begin } = gate();
  const moody = doer(async (input, task) => {
    if (input === "refuse") throw refuse("no use");
    begin();
    await once(task.signal, "abort");
  });
  const worker = await bus.serve(moody, { ...quiet, drain: 1 });
  const earlier = await bus.submit(moody.skills.do, "refuse", { id: "t1" });
  await assert.rejects(earlier.result(), { code: "HANDLER_REFUSED" });
  const { queue, streams } = link.subjects;
  const left = async () =>
    (await link.jsm.streams.info(queue("doer"))).state.messages;
  await eventually(async () => (await left()) === 0);
  await link.jsm.streams.purge(streams.events); // as if it had aged out
  const later = bus.task("t1");
  const result = later.result({ timeout: "10s" });
  await (
    await shared.bare(t)
  ).request(
    `${bus.namespace}.task.normal.doer.main.do.t1`,
    '{"jsonrpc":"2.0","id":"t1","method":"tools/call","params":{"name":"do"}}',
  );
  await begun;
  await worker.drain();
  await bus.serve(
    doer(() => "done"),
    quiet,
  );
  assert.equal(await result, "done");
});
