import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { RetentionPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { Link } from "../../../bus/connection/connection.js";
import {
  ensureQueue,
  ensureStreams,
  type StreamLimits,
} from "../../../bus/streams/streams.js";
import { z } from "zod";
import { connect, type TroupeError } from "../../../index.js";
import { subjectsOf } from "../../../protocol/subjects.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();

test("streams are made once: who comes later finds them and changes nothing", async (t) => {
  const link = await shared.link(t);
  const changes: string[] = [];
  const bare = await shared.bare(t);
  const { namespace } = link.subjects;
  bare.subscribe("$JS.EVENT.ADVISORY.STREAM.*.*", {
    callback: (_error, { subject }) => {
      if (subject.includes(`.${namespace}_`)) changes.push(subject);
    },
  });
  await bare.flush();
  await ensureStreams(link);
  const { streams } = link.subjects;
  const made = Object.keys(streams).length;
  await eventually(() => changes.length === made);
  await ensureStreams(link);
  await ensureStreams(await shared.link(t));
  await link.jsm.streams.update(streams.dead, { description: "seen last" });
  await eventually(() => changes.length > made);
  assert.deepEqual(changes.slice(made), [
    `$JS.EVENT.ADVISORY.STREAM.UPDATED.${streams.dead}`,
  ]);
});

test("any number of connections may make them at the same time", async (t) => {
  const links = await Promise.all([1, 2, 3, 4].map(() => shared.link(t)));
  await Promise.all([...links, ...links].map((link) => ensureStreams(link)));
  for (const name of Object.values(links[0]!.subjects.streams)) {
    const { config } = await links[0]!.jsm.streams.info(name);
    assert.equal(config.name, name);
  }
});

test("limits that may change are brought up to date, and what is waiting stays", async (t) => {
  const link = await shared.link(t);
  const ensureAll = async (limits?: StreamLimits) => {
    await ensureStreams(link, limits);
    await ensureQueue(link, "a", limits);
  };
  await ensureAll();
  const { streams, namespace, queue } = link.subjects;
  await link.js.publish(`${namespace}.task.low.a.main.s.t1`, "x");
  await ensureAll({ history: "1h", maxWaiting: 7 });
  const events = await link.jsm.streams.info(streams.events);
  const tasks = await link.jsm.streams.info(queue("a"));
  assert.equal(events.config.max_age, nanos(3_600_000));
  assert.equal(tasks.config.max_msgs, 7);
  assert.equal(tasks.state.messages, 1);
});

test("limits stay as they are for who names none or others", async (t) => {
  const link = await shared.link(t);
  const { streams, queue } = link.subjects;
  const ensureAll = async (on: Link, limits?: StreamLimits) => {
    await ensureStreams(on, limits);
    await ensureQueue(on, "a", limits);
  };
  const limitsNow = async () => {
    const events = await link.jsm.streams.info(streams.events);
    const tasks = await link.jsm.streams.info(queue("a"));
    const { max_age, max_bytes } = events.config;
    return [max_age, max_bytes, tasks.config.max_msgs];
  };
  const named = { historyBytes: 9_000_000, maxWaiting: 7 };
  await ensureAll(link, { history: "30d", ...named });
  const days = (count: number) => nanos(count * 86_400_000);
  assert.deepEqual(await limitsNow(), [days(30), 9_000_000, 7]);
  await ensureAll(await shared.link(t));
  assert.deepEqual(await limitsNow(), [days(30), 9_000_000, 7]);
  await ensureAll(link, { history: "2d" });
  assert.deepEqual(await limitsNow(), [days(2), 9_000_000, 7]);
});

test("a stream that is made without limits gets the defaults", async (t) => {
  const link = await shared.link(t);
  await ensureStreams(link);
  const { config } = await link.jsm.streams.info(link.subjects.streams.events);
  assert.equal(config.max_age, nanos(7 * 86_400_000));
  assert.equal(config.num_replicas, 1);
});

test("a user who may not change streams connects all the same, unless a stream is none that would do", async () => {
  await using server = await testServer({
    extraConfig: `authorization { users: [
      { user: owner, password: pw }
      { user: poor, password: pw, permissions: {
        publish: { deny: ["$JS.API.STREAM.UPDATE.>", "$JS.API.STREAM.CREATE.>"] }, subscribe: ">" } }
    ] }`,
  });
  const as = (user: string) => ({
    url: server.url.replace("nats://", `nats://${user}:pw@`),
  });
  await using owner = await connect(as("owner"));
  await using poor = await connect({
    ...as("poor"),
    limits: { history: "1h" },
  });
  assert.equal(poor.namespace, owner.namespace);
  const link = await Link.open({
    ...as("owner"),
    namespace: owner.namespace,
    timeoutMs: 5_000,
  });
  const { streams, all } = link.subjects;
  const { config } = await link.jsm.streams.info(streams.events);
  assert.equal(config.max_age, nanos(7 * 86_400_000));
  await link.jsm.streams.delete(streams.dead);
  await link.jsm.streams.add({ name: streams.dead, subjects: [all.dead] });
  await link.close();
  await assert.rejects(connect(as("poor")), {
    code: "STREAM_CONFLICT",
    message: /max_msgs_per_subject.* Connect once as a user who may change/,
  });
});

test("a stream that cannot be changed into what is needed is refused with the difference", async (t) => {
  const link = await shared.link(t);
  const { queue, queued } = link.subjects;
  await link.jsm.streams.add({
    name: queue("a"),
    subjects: queued("a"),
    retention: RetentionPolicy.Limits,
  });
  await assert.rejects(ensureQueue(link, "a"), {
    code: "STREAM_CONFLICT",
    message:
      /stream "\w+_QUEUE_a" differs .*retention: has "limits", needs "workqueue".*another namespace/,
  });
});

test("a stream of somebody else on our subjects is refused and left alone", async (t) => {
  const link = await shared.link(t);
  const { namespace } = link.subjects;
  await link.jsm.streams.add({ name: "OTHERS", subjects: [`${namespace}.>`] });
  await assert.rejects(ensureStreams(link), {
    code: "BUS_FAILED",
    message: /could not create stream .*overlap/,
  });
  const { config } = await link.jsm.streams.info("OTHERS");
  assert.deepEqual(config.subjects, [`${namespace}.>`]);
});

test("a server without JetStream is named, with what to do", async () => {
  await using server = await testServer({
    extraConfig: `accounts: {
      PLAIN: { users: [{ user: plain, password: pw }] }
    }`,
  });
  const url = server.url.replace("nats://", "nats://plain:pw@");
  await assert.rejects(connect({ url }), {
    code: "BUS_FAILED",
    retryable: false,
    message: /has no JetStream for this account: start it with -js/,
  });
});

test("a user who may not look at the streams is told which permission is missing", async () => {
  await using server = await testServer({
    extraConfig: `authorization { users: [
      { user: poor, password: pw, permissions: { publish: ["troupe.>"], subscribe: ">" } }
    ] }`,
  });
  const url = server.url.replace("nats://", "nats://poor:pw@");
  await assert.rejects(connect({ url }), {
    code: "PERMISSION_DENIED",
    message: /\$JS\.API\.STREAM\.INFO\.troupe_/,
  });
});

test("an address where no server answers is named with what it did and how to correct it", async (t) => {
  const silent = createServer();
  silent.on("connection", (socket) => t.after(() => socket.destroy()));
  silent.listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const said: [string, RegExp][] = [
    ["127.0.0.1:9", /:9", which refused the connection: start it there, /],
    [`127.0.0.1:${port}`, /" within 300ms: start it there, or correct/],
  ];
  for (const [host, message] of said) {
    const url = `nats://${host}`;
    await assert.rejects(connect({ url, timeout: "300ms" }), (error: Error) => {
      assert.equal((error as TroupeError).code, "NOT_CONNECTED");
      assert.ok(error.message.startsWith(`no nats-server answered at "${url}`));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a level of durability that a single server cannot give is refused", async (t) => {
  for (const durability of ["quorum", "disk"] as const)
    await assert.rejects(shared.connect(t, { durability }), {
      code: "DURABILITY_REFUSED",
      message: new RegExp(`durability "${durability}"`),
    });
});

test("two namespaces share a server and see nothing of each other", async (t) => {
  const one = await shared.connect(t);
  const other = await shared.connect(t, { namespace: "elsewhere" });
  const target = { agent: "a", name: "s", input: z.any() };
  const task = await one.submit(target, 1, { id: "t1" });
  assert.equal(await task.state(), "submitted");
  await assert.rejects(other.task("t1").state(), { code: "TASK_UNKNOWN" });
  assert.equal(subjectsOf(other.namespace).queue("a"), "elsewhere_QUEUE_a");
});
