import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { lastMessage } from "../../../bus/history/stored.js";
import { agent, connect, skill } from "../../../index.js";
import { doer } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;
const clock = agent("clock", {
  skills: {
    now: skill({
      description: "When it ran",
      input: z.any(),
      run: (_input, task) => ({ at: Date.now(), attempt: task.attempt }),
    }),
  },
});
const { now } = clock.skills;

test("a delayed task is handled when its time has come, and not before", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clock, quiet);
  const startedAt = Date.now();
  const task = await bus.submit(now, 1, { delay: "600ms" });
  assert.equal(await task.state(), "submitted");
  const { at, attempt } = await task.result();
  assert.ok(at - startedAt >= 600, `ran after ${at - startedAt} ms`);
  assert.ok(at - startedAt < 5_000, `ran after ${at - startedAt} ms`);
  assert.equal(attempt, 1);
});

test("a delayed task may have a key, a level and a deadline", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clock, quiet);
  await Promise.all([
    bus.call(now, 1, { delay: 1, key: "k" }),
    bus.call(now, 1, { delay: 1, priority: "low" }),
    bus.call(now, 1, { delay: 1, deadline: "1m" }),
  ]);
  await assert.rejects(bus.call(now, 1, { delay: "300ms", deadline: "1ms" }), {
    code: "DEADLINE_PASSED",
  });
});

test("a delay that no date can say is refused", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => 1),
    quiet,
  );
  for (const delay of ["99999999d", 1e300] as const)
    await assert.rejects(bus.submit(now, 1, { delay }), {
      code: "ARGUMENT_INVALID",
      message: /years is too long/,
    });
});

test("the same delayed task submitted twice is one", async (t) => {
  const bus = await shared.connect(t);
  await bus.submit(now, 1, { id: "t1", delay: "200ms" });
  await bus.submit(now, 1, { id: "t1", delay: "200ms" });
  const worker = await bus.serve(clock, quiet);
  await bus.task("t1").result();
  await bus.call(now, 1, { delay: "300ms" });
  await eventually(() => worker.counts.completed === 2);
  assert.equal(worker.counts.late, 0);
});

test("a second submit of a task that is not yet due changes nothing and says so", async (t) => {
  const bus = await shared.connect(t);
  const echo = doer((input) => input);
  await bus.serve(echo, quiet);
  const target = echo.skills.do;
  const id = "t1";
  const first = await bus.submit(target, "first", { id, delay: "400ms" });
  const second = await bus.submit(target, "second", { id, delay: "1h" });
  const third = bus.call(target, "third", { id, delay: "1ms" });
  assert.deepEqual([first.duplicate, second.duplicate], [false, true]);
  assert.equal(await second.result({ timeout: "10s" }), "first");
  assert.equal(await third, "first");
});

test("a delayed task whose retry is far off is left to a timer of the same id", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const patient = doer(
    () => {
      throw new Error("later");
    },
    { retry: { first: "1d", max: "1d" } },
  );
  await bus.serve(patient, quiet);
  const task = await bus.submit(patient.skills.do, 1, { delay: "1ms" });
  const timers = link.subjects.streams.timers;
  const subject = link.subjects.timer({ agent: task.agent, taskId: task.id });
  await eventually(async () => {
    const timer = await lastMessage(link, timers, subject);
    return timer?.headers.attempt === "1";
  });
  assert.equal(await task.state(), "working");
});

test("a delay survives kill -9 of the server", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  await bus.serve(clock, quiet);
  const startedAt = Date.now();
  const task = await bus.submit(now, 1, { delay: "1s" });
  await server.kill();
  await server.restart();
  const { at } = await task.result({ timeout: "20s" });
  // The server's clock decides, and how far it is from ours is known to half a round trip.
  assert.ok(at - startedAt >= 800, `ran after ${at - startedAt} ms`);
});

test("a delay that falls due while nobody serves is handled when somebody does", async (t) => {
  const bus = await shared.connect(t);
  const task = await bus.submit(now, 1, { delay: "1ms" });
  await bus.serve(clock, quiet);
  await task.result();
});

test("a delay that the server's dates cannot hold, or that is none, is refused", async (t) => {
  const bus = await shared.connect(t);
  await assert.rejects(bus.submit(now, 1, { delay: "100000d" }), {
    code: "ARGUMENT_INVALID",
    message: /too long.* 2262/,
  });
  await assert.rejects(bus.submit(now, 1, { delay: "soon" as "1s" }), {
    code: "ARGUMENT_INVALID",
    message: /delay "soon"/,
  });
});
