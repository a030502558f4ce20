// A server that is absent, goes away, comes back, is full or refuses: a clear error or patience, nothing lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../index.js";
import { doer, gate, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { testServer } from "../support/server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const shared = sharedServer();

test("tasks that are waited for over a kill -9 of the server all end, each once", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  await using other = await connect({ url: server.url });
  const count = doer((input) => input);
  await other.serve(count, { ...quiet, ackWait: "2s" });
  const total = 400;
  let ended = 0;
  const calls = Array.from({ length: total }, async (_, at) => {
    if (at > 200) await eventually(() => ended > 20);
    const result = await bus.call(count.skills.do, at);
    ended++;
    return result;
  });
  await eventually(() => ended > 20);
  await server.kill();
  await server.restart();
  assert.deepEqual(
    await Promise.all(calls),
    Array.from({ length: total }, (_, at) => at),
  );
  let ends = 0;
  for await (const _event of bus.replay({ kind: "completed" })) ends++;
  assert.equal(ends, total);
});

test("what is submitted while the server is away is stored when it comes back", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  const quick = doer((input) => input);
  await bus.serve(quick, quiet);
  await server.kill();
  const calls = [1, 2, 3].map((input) => bus.call(quick.skills.do, input));
  const asked = bus.ask(quick.skills.do, 1, { timeout: "5s" });
  const answer = asked.catch((error: unknown) => error);
  await server.restart();
  assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
  const told = await answer;
  if (told !== 1)
    assert.equal((told as { code?: string }).code, "NOT_CONNECTED");
});

test("while the server is away no wait outlasts its time", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  const idle = doer(() => 1);
  const task = await bus.submit(idle.skills.do, 1);
  await server.kill();
  const timeout = "400ms";
  const startedAt = Date.now();
  await assert.rejects(task.result({ timeout }), {
    code: "WAIT_TIMED_OUT",
    message: /not connected/,
  });
  await assert.rejects(bus.call(idle.skills.do, 1, { timeout }), {
    code: "WAIT_TIMED_OUT",
  });
  await assert.rejects(bus.ask(idle.skills.do, 1, { timeout }), {
    code: /WAIT_TIMED_OUT|NOT_CONNECTED/,
  });
  assert.ok(Date.now() - startedAt < 5_000);
});

test("a task in hand when the server dies is finished, and ends once", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  const { opened, open } = gate();
  const { opened: running, open: runs } = gate();
  const slow = doer(async (_input, task) => {
    runs();
    await opened;
    return task.attempt;
  });
  await bus.serve(slow, { ...quiet, ackWait: "1s" });
  const task = await bus.submit(slow.skills.do, 1);
  await running;
  await server.kill();
  open();
  await server.restart();
  await task.result({ timeout: "20s" });
  await eventually(async () => (await task.state()) === "completed");
  let ends = 0;
  for await (const _event of bus.replay({ kind: "completed" })) ends++;
  assert.equal(ends, 1);
});

test("a queue that is full refuses submits clearly, and what it holds is not lost", async (t) => {
  const bus = await shared.connect(t, { limits: { maxWaiting: 3 } });
  const quick = doer((input) => input);
  const tasks = [];
  for (const at of [1, 2, 3]) tasks.push(await bus.submit(quick.skills.do, at));
  for (const verb of ["submit", "call"] as const)
    await assert.rejects(bus[verb](quick.skills.do, 4), {
      code: "STREAM_FULL",
      retryable: true,
      message: /maximum messages exceeded.*Raise the limit/,
    });
  await bus.serve(quick, quiet);
  assert.deepEqual(
    await Promise.all(tasks.map((task) => task.result())),
    [1, 2, 3],
  );
  await eventually(async () => (await bus.call(quick.skills.do, 4)) === 4);
});

test("a server whose store is full refuses submits clearly", async (t) => {
  const store = await temporaryDirectory(t); // this block takes the place of the embedded server's own
  await using server = await testServer({
    extraConfig: `jetstream {
      store_dir: "${store}"
      max_file: 2MB
    }`,
  });
  await using bus = await connect({ url: server.url });
  const idle = doer(() => 1);
  const half = "x".repeat(500_000);
  const fill = async () => {
    for (let at = 0; at < 20; at++) await bus.submit(idle.skills.do, half);
  };
  await assert.rejects(fill(), {
    code: "STREAM_FULL",
    message: /resource/,
  });
});

test("a server that refuses by permission is named with the subject", async () => {
  await using server = await testServer({
    extraConfig: `authorization { users: [
      { user: all, password: pw }
      { user: mute, password: pw, permissions: {
        publish: { deny: ["troupe.task.>", "troupe.ask.>"] }, subscribe: ">" } }
    ] }`,
  });
  const url = (user: string) =>
    server.url.replace("nats://", `nats://${user}:pw@`);
  await using owner = await connect({ url: url("all") });
  const quick = doer(() => 1);
  await owner.serve(quick, quiet);
  await using mute = await connect({ url: url("mute") });
  await assert.rejects(mute.submit(quick.skills.do, 1), {
    code: "PERMISSION_DENIED",
    message: /publish to "troupe\.task\./,
  });
  await assert.rejects(mute.call(quick.skills.do, 1), {
    code: "PERMISSION_DENIED",
  });
  await assert.rejects(mute.ask(quick.skills.do, 1), {
    code: "PERMISSION_DENIED",
    message: /publish to "troupe\.ask\.doer\.do"/,
  });
  assert.equal(await owner.call(quick.skills.do, 1), 1);
});
