import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import {
  agent,
  connect,
  refuse,
  reject,
  skill,
  type TaskEvent,
} from "../../index.js";
import { doer, gate, quiet, story } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

test("no more tasks run at a time than the concurrency says, and as many do", async (t) => {
  const bus = await shared.connect(t);
  let running = 0;
  let most = 0;
  const busy = doer(async () => {
    most = Math.max(most, ++running);
    await wait(2);
    running--;
  });
  const levels = ["critical", "high", "normal", "low"] as const;
  const tasks = await Promise.all(
    Array.from({ length: 120 }, (_, at) =>
      bus.submit(busy.skills.do, at, { priority: levels[at % 4]! }),
    ),
  );
  await bus.serve(busy, { ...quiet, concurrency: 5 });
  await Promise.all(tasks.map((task) => task.result()));
  assert.equal(most, 5);
});

test("a concurrency that is none is refused", async (t) => {
  const bus = await shared.connect(t);
  const idle = doer(() => 1);
  for (const concurrency of [0, -1, 1.5, NaN, 100_000])
    await assert.rejects(bus.serve(idle, { ...quiet, concurrency }), {
      code: "ARGUMENT_INVALID",
      message: /use a whole number/,
    });
});

test("a handler is told what its task is", async (t) => {
  const bus = await shared.connect(t);
  const nosy = doer((_input, task) => {
    const { id, agent: whose, skill: which, attempt, level, context } = task;
    const deadline = task.deadline?.getTime();
    return { id, whose, which, attempt, level, context, deadline };
  });
  await bus.serve(nosy, quiet);
  const { deadline, ...told } = (await bus.call(nosy.skills.do, 1, {
    id: "t1",
    priority: "high",
    context: "c1",
    deadline: "1m",
  })) as Record<string, unknown>;
  assert.deepEqual(told, {
    id: "t1",
    whose: "doer",
    which: "do",
    attempt: 1,
    level: "high",
    context: "c1",
  });
  assert.ok(Math.abs((deadline as number) - Date.now() - 60_000) < 5_000);
});

test("when the deadline passes the handler's signal is aborted and the task fails for good", async (t) => {
  const bus = await shared.connect(t);
  let aborted: unknown;
  const late = doer(async (_input, task) => {
    await once(task.signal, "abort");
    aborted = task.signal.reason;
  });
  await bus.serve(late, quiet);
  await assert.rejects(bus.call(late.skills.do, 1, { deadline: "100ms" }), {
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

test("progress is seen live by who follows the task, and is not stored", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const slow = doer(async (_input, task) => {
    await opened;
    task.progress(1);
    task.progress({ progress: 2, total: 3, message: "nearly", data: { a: 1 } });
    return "done";
  });
  await bus.serve(slow, quiet);
  const watcher = await shared.connect(t);
  const task = await bus.submit(slow.skills.do, 1);
  const seen: TaskEvent[] = [];
  const watching = (async () => {
    for await (const event of watcher.task(task.id).events()) seen.push(event);
  })();
  await watcher.task(task.id).state();
  open();
  await watching;
  const progress = seen.filter(({ kind }) => kind === "progress");
  assert.deepEqual(
    progress.map((event) => event.progress),
    [
      { progress: 1 },
      { progress: 2, total: 3, message: "nearly", data: { a: 1 } },
    ],
  );
  assert.equal(seen.at(-1)?.kind, "completed");
  assert.deepEqual(
    (await story(task)).map(({ kind }) => kind),
    ["completed"],
  );
});

test("two lanes of an agent each take their own tasks", async (t) => {
  const bus = await shared.connect(t);
  const old = doer(() => "old");
  await bus.serve(old, quiet);
  await bus.serve(
    doer(() => "new"),
    { ...quiet, lane: "next" },
  );
  const next = { lane: "next" };
  assert.equal(await bus.call(old.skills.do, 1), "old");
  assert.equal(await bus.call(old.skills.do, 1, next), "new");
  assert.equal(await bus.call(old.skills.do, 1, { ...next, key: "k" }), "new");
});

test("input and output are what the schemas make of them", async (t) => {
  const bus = await shared.connect(t);
  const strict = agent("strict", {
    skills: {
      add: skill({
        description: "Adds",
        input: z.object({ a: z.coerce.number(), b: z.number().default(10) }),
        output: z.object({ sum: z.number() }),
        run: ({ a, b }) => Object.assign({ sum: a + b }, { secret: 1 }),
      }),
    },
  });
  await bus.serve(strict, quiet);
  for (const verb of ["call", "ask"] as const)
    assert.deepEqual(await bus[verb](strict.skills.add, { a: "5" }), {
      sum: 15,
    });
});

test("a handler that returns nothing has nothing as its result, in both formats", async (t) => {
  const bus = await shared.connect(t);
  const silent = doer(() => undefined);
  await bus.serve(silent, quiet);
  for (const format of ["msgpack", "json"] as const)
    assert.equal(
      await bus.call(silent.skills.do, undefined, { format }),
      undefined,
    );
});

test("an optional field that is there but undefined is as if it were not there", async (t) => {
  const bus = await shared.connect(t);
  const lenient = agent("lenient", {
    skills: {
      greet: skill({
        description: "Greets",
        input: z.object({ name: z.string().optional() }),
        run: ({ name }) => name ?? "stranger",
      }),
    },
  });
  await bus.serve(lenient, quiet);
  assert.equal(
    await bus.call(lenient.skills.greet, { name: undefined }),
    "stranger",
  );
});

test("a serve that fails leaves nothing behind that keeps the process alive", async (t) => {
  const bus = await shared.connect(t);
  await bus.close();
  await assert.rejects(
    bus.serve(
      doer(() => 1),
      quiet,
    ),
  );
});

test("a bus whose server is gone closes without waiting for it", async () => {
  await using server = await testServer();
  const bus = await connect({ url: server.url });
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  await bus.call(quick.skills.do, 1, { key: "k" });
  await server.kill();
  const startedAt = Date.now();
  await bus.close();
  assert.ok(Date.now() - startedAt < 3_000);
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

test("agents and lanes whose names run into each other keep their tasks apart", async (t) => {
  const bus = await shared.connect(t);
  const named = (name: string) =>
    agent(name, {
      skills: {
        who: skill({
          description: "Who it is",
          input: z.any(),
          run: (_input, task) => name + task.level,
        }),
      },
    });
  const pairs = [
    ["a_b", "c"],
    ["a", "b_c"],
  ] as const;
  for (const [name, lane] of pairs)
    await bus.serve(named(name), { ...quiet, lane });
  for (const [name, lane] of pairs)
    assert.equal(
      await bus.call(`${name}.who`, 1, { lane, timeout: "5s" }),
      `${name}normal`,
    );
});

test("an agent too long for the name of a queue is refused when served", async (t) => {
  const bus = await shared.connect(t);
  const { skills } = doer(() => 1);
  const long = agent("x".repeat(240), { skills: { do: skills.do } });
  await assert.rejects(bus.serve(long, quiet), {
    code: "ARGUMENT_INVALID",
    message: /a name too long for its queue: at most 200 characters/,
  });
});

test("a skill's name may hold anything that fits a subject", async (t) => {
  const bus = await shared.connect(t);
  const { skills } = doer((input) => input);
  const odd = agent("odd", { skills: { "head line.*": skills.do } });
  const target = odd.skills["head line.*"];
  await bus.serve(odd, quiet);
  assert.equal(await bus.call(target, 1), 1);
  assert.equal(await bus.call(target, 2, { key: "k" }), 2);
  assert.equal(await bus.ask(target, 3), 3);
});
