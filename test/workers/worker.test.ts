import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill, type TaskEvent } from "../../index.js";
import { doer, gate, quiet, story } from "../support/doer.js";
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

test("progress that is larger than a message does not fail its task, and is told without its data", async (t) => {
  const bus = await shared.connect(t);
  const large = "x".repeat(1_100_000);
  const teller = doer((_input, task) => {
    task.progress({ progress: 1, message: large, data: large });
    return "done";
  });
  await bus.serve(teller, quiet);
  const heard = bus.progress({ agent: "doer" });
  const first = heard.next();
  assert.equal(await bus.call(teller.skills.do, 1), "done");
  const { value } = (await first) as { value: TaskEvent };
  assert.equal(value.progress?.progress, 1);
  assert.equal(value.progress.message?.length, 1_000);
  await heard.return();
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
