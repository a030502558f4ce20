import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Link } from "../../../bus/connection/connection.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureQueue, ensureStreams } from "../../../bus/streams/streams.js";
import { z } from "zod";
import { connect } from "../../../index.js";
import { encodeHeaders, type Headers } from "../../../protocol/headers.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const nothing = new Uint8Array(0);

const opened = async (t: TestContext) => {
  const link = await shared.link(t);
  await ensureStreams(link);
  return { link, publisher: new Publisher(link) };
};
const event = (link: Link, taskId: string) =>
  link.subjects.taskEvent({ agent: "a", taskId, kind: "end", origin: "o" });
const store = (
  publisher: Publisher,
  subject: string,
  headers: Headers = {},
  timeoutMs?: number,
) => publisher.store(subject, encodeHeaders(headers), nothing, timeoutMs);

test("what is stored has its place on the log", async (t) => {
  const { link, publisher } = await opened(t);
  const first = await store(publisher, event(link, "t1"));
  const second = await store(publisher, event(link, "t2"));
  assert.equal(first.stream, link.subjects.streams.events);
  assert.deepEqual([first.sequence, second.sequence], [1, 2]);
  assert.equal(first.duplicate, false);
  assert.equal(publisher.pending, 0);
});

test("a second message of the same id is told to be a duplicate", async (t) => {
  const { link, publisher } = await opened(t);
  const subject = link.subjects.dead("a", "s", "t1");
  const first = await store(publisher, subject, { messageId: "m ü" });
  const second = await store(publisher, subject, { messageId: "m ü" });
  assert.deepEqual(second, { ...first, duplicate: true });
});

test("who comes second with the same expectation is told of the conflict", async (t) => {
  const { link, publisher } = await opened(t);
  const expected = { expectedLastSubjectSequence: "0" };
  const both = await Promise.allSettled([
    store(publisher, event(link, "t1"), expected),
    store(publisher, event(link, "t1"), expected),
  ]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  await assert.rejects(store(publisher, event(link, "t1"), expected), {
    code: "CONFLICT",
    retryable: true,
  });
});

test("a task that its queue holds is not stored again, also without a message id", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a");
  const publisher = new Publisher(link);
  const subject = link.subjects.task({
    agent: "a",
    skill: "s",
    lane: "main",
    level: "low",
    taskId: "t1",
  });
  assert.equal((await store(publisher, subject)).duplicate, false);
  assert.equal((await store(publisher, subject)).duplicate, true);
  const { state } = await link.jsm.streams.info(link.subjects.queue("a"));
  assert.equal(state.messages, 1);
});

test("a queue that is full refuses, and takes again when there is room", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a", { maxWaiting: 2 });
  const publisher = new Publisher(link);
  const task = (taskId: string) =>
    link.subjects.task({
      agent: "a",
      skill: "s",
      lane: "main",
      level: "low",
      taskId,
    });
  await store(publisher, task("t1"));
  await store(publisher, task("t2"));
  await assert.rejects(store(publisher, task("t3")), {
    code: "STREAM_FULL",
    message: /maximum messages exceeded.*Raise the limit/,
  });
  await link.jsm.streams.deleteMessage(link.subjects.queue("a"), 1);
  await store(publisher, task("t3"));
});

test("a message over the server's limit is refused before it is sent", async (t) => {
  const { link, publisher } = await opened(t);
  const body = new Uint8Array(link.maxPayload);
  await assert.rejects(
    publisher.store(event(link, "t1"), encodeHeaders({}), body),
    { code: "PAYLOAD_TOO_LARGE", message: /1048611 bytes .* takes 1048576/ },
  );
  assert.equal(publisher.pending, 0);
});

test("when the connection is closed all that is under way fails at once", async (t) => {
  const { link, publisher } = await opened(t);
  const under = Array.from({ length: 100 }, (_, at) =>
    store(publisher, event(link, `t${at}`)),
  );
  const outcomes = Promise.allSettled(under);
  await link.close();
  for (const outcome of await outcomes)
    if (outcome.status === "rejected")
      assert.equal(
        (outcome.reason as { code?: string }).code,
        "CONNECTION_CLOSED",
      );
  assert.equal(publisher.pending, 0);
  await assert.rejects(store(publisher, event(link, "late")), {
    code: "CONNECTION_CLOSED",
  });
});

test("nobody waits for ever: a server that does not answer is told by name", async (t) => {
  const { publisher } = await opened(t);
  await assert.rejects(store(publisher, "nobody.stores.this", {}, 300), {
    code: "WAIT_TIMED_OUT",
    message: /waited 300ms for nats-server at .* "nobody\.stores\.this"/,
  });
});

test("kill -9 of the server in the midst of publishing: nothing is lost, nothing hangs", async () => {
  await using server = await testServer();
  const link = await Link.open({
    url: server.url,
    namespace: "n",
    timeoutMs: 5_000,
  });
  try {
    await ensureStreams(link);
    const publisher = new Publisher(link);
    const count = 3_000;
    let stored = 0;
    const expected = { expectedLastSubjectSequence: "0" };
    const outcomes = Array.from({ length: count }, async (_, at) => {
      if (at > 1_000)
        await eventually(() => stored > at / 4, { timeoutMs: 30_000 });
      try {
        await store(publisher, event(link, `t${at}`), expected);
      } catch (error) {
        // Sent before the server died and again after: the first is on the log.
        assert.equal((error as { code?: string }).code, "CONFLICT");
      }
      stored++;
    });
    await eventually(() => stored > 200, { timeoutMs: 30_000 });
    await server.kill();
    await server.restart();
    await Promise.all(outcomes);
    assert.equal(publisher.pending, 0);
    const { events } = link.subjects.streams;
    // Where all was stored before the kill, the client may be on its way back still.
    await eventually(
      async () =>
        (await link.jsm.streams.info(events)).state.messages === count,
      { timeoutMs: 30_000 },
    );
  } finally {
    await link.close();
  }
});

test("a publish that the server's permissions forbid says so at once", async () => {
  await using server = await testServer({
    extraConfig: `authorization { users: [
      { user: all, password: pw }
      { user: reader, password: pw, permissions: { publish: ["$JS.API.>"], subscribe: ">" } }
    ] }`,
  });
  const url = (user: string) =>
    server.url.replace("nats://", `nats://${user}:pw@`);
  await using _owner = await connect({ url: url("all") });
  await using reader = await connect({ url: url("reader") });
  const target = {
    agent: "a",
    name: "s",
    input: z.any(),
  };
  await assert.rejects(reader.submit(target, 1), {
    code: "PERMISSION_DENIED",
    message: /publish to "troupe\.task\.normal\.a\.main\.s\./,
  });
  await assert.rejects(connect({ url: url("nobody") }), {
    code: "PERMISSION_DENIED",
    message: /nats:\/\/127\.0\.0\.1:\d+ refused these credentials/,
  });
});

test("an answer that is none of JetStream's fails its publish, and not the connection", async (t) => {
  const { link, publisher } = await opened(t);
  const bare = await shared.bare(t);
  const answers = ["hello", "", "{}", "null", '{"error":{"code":500}}'];
  bare.subscribe("somebody.*", {
    callback: (_error, msg) =>
      void msg.respond(answers[Number(msg.subject.split(".")[1])]),
  });
  await bare.flush();
  for (const at of answers.keys())
    await assert.rejects(store(publisher, `somebody.${at}`), {
      code: "BUS_FAILED",
      message: new RegExp(`"somebody\\.${at}"`),
    });
  await store(publisher, event(link, "t1"));
});
