// nats.conf as it is shipped: the server itself judges it, and its users can do what they need and
// no more. What the bus calls its streams comes from protocol/, so that a new one is not forgotten.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { findServerBinary } from "../../../bus/server/binary.js";
import { subjectsOf } from "../../../protocol/subjects.js";
import { eventually } from "../../support/eventually.js";
import { withEnvironment } from "../../support/environment.js";
import {
  confPath,
  passwords,
  shippedServer,
} from "../../support/shipped-server.js";

const run = promisify(execFile);
const denied = { message: /permissions violation/i };

test("the server finds nats.conf valid, and refuses it without passwords", async () => {
  const { path: binary } = await findServerBinary();
  const check = (variables: Record<string, string | undefined>) =>
    withEnvironment(variables, () => run(binary, ["-t", "-c", confPath]));
  const { stderr } = await check(passwords);
  assert.match(stderr, /is valid/);
  const without = Object.keys(passwords).map((name) => [name, undefined]);
  await assert.rejects(check(Object.fromEntries(without)), {
    message: /variable reference for 'TROUPE_\w+_PASSWORD'/,
  });
});

test("nats.conf names every stream and bucket of the namespace", async () => {
  const text = await readFile(confPath, "utf8");
  const { streams, buckets, queue } = subjectsOf("troupe");
  const { leases, ...seen } = buckets;
  const names = [
    queue("writer"),
    ...Object.values(streams),
    ...Object.values(seen).map((bucket) => `KV_${bucket}`),
  ];
  // Who leads is the orchestrators' own business.
  assert.equal(text.split(leases).length, 2);
  for (const name of names)
    assert.equal(
      text.split(`"$JS.API.STREAM.INFO.${name}"`).length,
      4,
      `${name} for worker, submitter and observer`,
    );
});

test("a worker pulls, acknowledges and writes the history, and may not touch a stream", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const submitter = jetstream(await as("submitter"));
  await submitter.publish("troupe.task.high.writer.main.headline.t1", "work");

  const connection = await as("worker");
  const manager = await jetstreamManager(connection);
  await manager.consumers.add("troupe_QUEUE_writer", {
    durable_name: "writer",
    ack_policy: AckPolicy.Explicit,
    filter_subject: "troupe.task.high.writer.main.>",
  });
  const consumer = await jetstream(connection).consumers.get(
    "troupe_QUEUE_writer",
    "writer",
  );
  const task = await consumer.next({ expires: 5000 });
  assert.equal(task?.string(), "work");
  await jetstream(connection).publish(
    "troupe.event.task.writer.t1.end.me",
    "done",
  );
  assert.equal(await task.ackAck(), true);
  const end = await manager.direct.getMessage("troupe_EVENTS", { seq: 1 });
  assert.equal(end?.string(), "done");

  await assert.rejects(manager.streams.delete("troupe_QUEUE_writer"), denied);
  await assert.rejects(manager.streams.purge("troupe_EVENTS"), denied);
  await assert.rejects(
    manager.streams.add({ name: "mine", subjects: ["mine"] }),
    denied,
  );
});

test("a worker answers who asks, in several parts, and hears control", async (t) => {
  const as = await shippedServer(t);
  const worker = await as("worker");
  const verbs: string[] = [];
  worker.subscribe("troupe.control.writer.>", {
    callback: (_, message) => void verbs.push(message.subject),
  });
  worker.subscribe("troupe.ask.writer.*", {
    callback: (_, message) => {
      message.respond("one");
      message.respond("two");
    },
  });
  await worker.flush();
  const submitter = await as("submitter");
  const answers: string[] = [];
  const parts = await submitter.requestMany("troupe.ask.writer.headline", "?", {
    maxMessages: 2,
    maxWait: 5000,
  });
  for await (const part of parts) answers.push(part.string());
  assert.deepEqual(answers, ["one", "two"]);
  // A worker may cancel what it called, and no more.
  const other = await as("worker");
  other.publish("troupe.control.writer.cancel");
  other.publish("troupe.control.writer.pause");
  await other.flush();
  (await as("orchestrator")).publish("troupe.control.writer.drain");
  await eventually(() => verbs.includes("troupe.control.writer.drain"));
  assert.deepEqual(verbs, [
    "troupe.control.writer.cancel",
    "troupe.control.writer.drain",
  ]);
});

test("a submitter hears events and replays them, and can neither write history nor take work", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const connection = await as("submitter");
  const heard: string[] = [];
  connection.subscribe("troupe.event.task.>", {
    callback: (_, message) => void heard.push(message.string()),
  });
  await connection.flush();
  await jetstream(await as("worker")).publish(
    "troupe.event.task.writer.t1.end.me",
    "done",
  );
  await eventually(() => heard.includes("done"));
  const replay = await jetstream(connection).consumers.get("troupe_EVENTS");
  assert.equal((await replay.next({ expires: 5000 }))?.string(), "done");

  const manager = await jetstreamManager(connection);
  for (const subject of [
    "troupe.event.task.writer.t1.end.me",
    "troupe.dead.writer.headline.t1",
    "troupe.timer.x",
    "$KV.troupe_agents.writer",
  ])
    await assert.rejects(
      jetstream(connection).publish(subject, "forged"),
      denied,
    );
  await assert.rejects(
    manager.consumers.add("troupe_QUEUE_writer", { durable_name: "thief" }),
    denied,
  );
});

test("an observer reads the history, the dead letters and the registry, and sends nothing", async (t) => {
  const as = await shippedServer(t);
  await createStreams(await as("orchestrator"));
  const worker = await as("worker");
  await jetstream(worker).publish("troupe.dead.writer.headline.t1", "dead");
  const cards = await new Kvm(worker).open("troupe_agents");
  await cards.put("writer", "card");

  const connection = await as("observer");
  const letters = await jetstream(connection).consumers.get("troupe_DEAD");
  assert.equal((await letters.next({ expires: 5000 }))?.string(), "dead");
  const seen = await new Kvm(connection).open("troupe_agents");
  assert.equal((await seen.get("writer"))?.string(), "card");
  for await (const entry of await seen.watch()) {
    assert.equal(entry.string(), "card");
    break;
  }
  for (const subject of [
    "troupe.task.high.writer.main.headline.t1",
    "troupe.event.task.writer.t1.end.me",
  ])
    await assert.rejects(
      jetstream(connection).publish(subject, "forged"),
      denied,
    );
});

test("nobody comes in without a password", async (t) => {
  const as = await shippedServer(t);
  await assert.rejects(as("observer", "wrong"), /authorization/i);
});

async function createStreams(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  const { streams, all, buckets, queue, queued } = subjectsOf("troupe");
  const wanted: [string, string[]][] = [
    [queue("writer"), queued("writer")],
    [streams.events, [all.events]],
    [streams.dead, [all.dead]],
    [streams.timers, all.timers],
  ];
  for (const [name, subjects] of wanted)
    await manager.streams.add({ name, subjects, allow_direct: true });
  for (const bucket of Object.values(buckets))
    await new Kvm(connection).create(bucket);
}
