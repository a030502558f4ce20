// Watching over restarts of the server; what watching is otherwise, bucket.test.ts shows.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { Bucket } from "../../../bus/buckets/bucket.js";
import { Link } from "../../../bus/connection/connection.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";

const counter = z.object({ count: z.number() });

test("over kills of the server a watcher hears of every key's last change, once and in order", async (t) => {
  const rounds = 3;
  const keys = 5;
  await using server = await testServer();
  const open = async () => {
    const namespace = "troupe";
    const link = await Link.open({
      url: server.url,
      namespace,
      timeoutMs: 5_000,
    });
    t.after(() => link.close());
    return new Bucket(link, new Publisher(link), "counters", counter);
  };
  const watcher = await open();
  const writer = await open();
  await writer.entries(); // has made the bucket
  const told: [string, number][] = [];
  const revisions: number[] = [];
  const watching = await watcher.watch(">", ({ key, entry }) => {
    told.push([key, entry?.value.count ?? -1]);
    revisions.push(entry?.revision ?? -1);
  });
  const newest = () => new Map(told);
  for (let round = 1; round <= rounds; round++) {
    await server.kill();
    await server.restart();
    for (let key = 0; key < keys; key++)
      await writer.put(`key${key}`, { count: round * 100 + key });
    await eventually(() => newest().get(`key${keys - 1}`) === round * 100 + 4);
    assert.deepEqual(
      [...newest().values()],
      Array.from({ length: keys }, (_, key) => round * 100 + key),
    );
  }
  assert.equal(told.length, rounds * keys, "none was told twice");
  assert.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  await watching.stop();
  await writer.put("key0", { count: 0 });
  assert.equal(
    await watcher.get("key0").then((entry) => entry?.value.count),
    0,
  );
  assert.equal(newest().get("key0"), rounds * 100);
});

test("a watch that cannot begin says why", async () => {
  await using server = await testServer();
  const link = await Link.open({
    url: server.url,
    namespace: "troupe",
    timeoutMs: 5_000,
  });
  const bucket = new Bucket(link, new Publisher(link), "counters", counter);
  await bucket.put("a", { count: 1 });
  await link.close();
  await assert.rejects(bucket.watch(">", () => undefined));
});

/** A bucket with one key, on a connection that can be made to reconnect, and the numbers that a watcher was told. */
async function watched(t: TestContext) {
  const server = await testServer();
  t.after(() => server.stop());
  const link = await Link.open({
    url: server.url,
    namespace: "troupe",
    timeoutMs: 5_000,
  });
  t.after(() => link.close());
  const bucket = new Bucket(link, new Publisher(link), "counters", counter);
  await bucket.put("a", { count: 1 });
  const told: number[] = [];
  const watch = () =>
    bucket.watch(">", ({ entry }) => told.push(entry!.value.count));
  return { link, bucket, told, watch };
}

/** What comes to it first waits until it is let go, or is made to fail. */
class Hold {
  #letGo!: (error?: Error) => void;
  readonly #held = new Promise<void>((resolve, reject) => {
    this.#letGo = (error) => (error ? reject(error) : resolve());
  });
  reached = false;

  first(): Promise<void> | undefined {
    if (this.reached) return undefined;
    this.reached = true;
    return this.#held;
  }

  letGo(error?: Error): void {
    this.#letGo(error);
  }
}

test("a watch whose connection is renewed as it begins is told all once, and leaves no consumer behind", async (t) => {
  const { link, bucket, told, watch } = await watched(t);
  const hold = new Hold();
  const { consumers } = link.js;
  const get = consumers.getPushConsumer.bind(consumers);
  consumers.getPushConsumer = async (...args) => {
    const consumer = await get(...args);
    const consume = consumer.consume.bind(consumer);
    consumer.consume = async (options) => {
      await hold.first();
      return consume(options);
    };
    return consumer;
  };
  const beginning = watch();
  await eventually(() => hold.reached);
  await link.nats.reconnect();
  await eventually(() => told.length === 1);
  hold.letGo();
  const watching = await beginning;
  await bucket.put("b", { count: 2 });
  await eventually(() => told.length === 2);
  assert.deepEqual(told, [1, 2]);
  await watching.stop();
  await eventually(async () => {
    const found = await link.jsm.consumers.list("KV_counters").next();
    return found.every(({ push_bound }) => !push_bound);
  });
});

test("a watch whose beginning fails when a renewed connection has begun it anew goes on", async (t) => {
  const { link, bucket, told, watch } = await watched(t);
  const hold = new Hold();
  const { consumers } = link.js;
  const get = consumers.getPushConsumer.bind(consumers);
  consumers.getPushConsumer = async (...args) => {
    await hold.first();
    return get(...args);
  };
  const beginning = watch();
  await eventually(() => hold.reached);
  await link.nats.reconnect();
  await eventually(() => told.length === 1);
  hold.letGo(new Error("its answer was lost with the connection"));
  const watching = await beginning;
  await bucket.put("b", { count: 2 });
  await eventually(() => told.length === 2);
  await watching.stop();
});
