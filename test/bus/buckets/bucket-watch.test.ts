// Watching over restarts of the server; what watching is otherwise, bucket.test.ts shows.
import assert from "node:assert/strict";
import { test } from "node:test";
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
