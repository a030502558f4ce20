import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import {
  Bucket,
  keyOf,
  namesOfKey,
  type Change,
} from "../../../bus/buckets/bucket.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const counter = z.object({ count: z.number() });
type Counter = z.infer<typeof counter>;

async function bucketOf(t: TestContext, ttlMs?: number) {
  const link = await shared.link(t);
  const name = `${shared.namespaceOf(t)}_counters`;
  const options = ttlMs === undefined ? {} : { ttlMs };
  return new Bucket(link, new Publisher(link), name, counter, options);
}

test("a value is read back with its revision, and is gone when it was deleted", async (t) => {
  const bucket = await bucketOf(t);
  assert.equal(await bucket.get("a"), undefined);
  const revision = await bucket.put("a", { count: 1 });
  const entry = await bucket.get("a");
  assert.deepEqual(entry?.value, { count: 1 });
  assert.equal(entry.revision, revision);
  await bucket.delete("a");
  assert.equal(await bucket.get("a"), undefined);
  assert.deepEqual(await bucket.entries(), []);
});

test("of those who update from the same revision one succeeds, and the others are told of the conflict", async (t) => {
  const bucket = await bucketOf(t);
  const revision = await bucket.create("a", { count: 0 });
  const updates = [1, 2, 3, 4].map((count) =>
    bucket.update("a", { count }, revision),
  );
  const results = await Promise.allSettled(updates);
  const stored = results.filter(({ status }) => status === "fulfilled");
  assert.equal(stored.length, 1);
  for (const result of results)
    if (result.status === "rejected")
      assert.equal((result.reason as { code: string }).code, "CONFLICT");
});

test("a key is created once, and again after it was deleted", async (t) => {
  const bucket = await bucketOf(t);
  await bucket.create("a", { count: 1 });
  await assert.rejects(bucket.create("a", { count: 2 }), { code: "CONFLICT" });
  await bucket.delete("a");
  await bucket.create("a", { count: 3 });
  assert.deepEqual((await bucket.get("a"))?.value, { count: 3 });
});

test("a watcher is told what is there before it is ready, then each change and each deletion", async (t) => {
  const bucket = await bucketOf(t);
  await bucket.put("x.a", { count: 1 });
  await bucket.put("y.b", { count: 2 });
  const changes: Change<Counter>[] = [];
  const watching = await bucket.watch("x.*", (change) => changes.push(change));
  t.after(() => watching.stop());
  assert.deepEqual(
    changes.map(({ entry }) => entry?.value.count),
    [1],
  );
  await bucket.put("x.c", { count: 3 });
  await bucket.delete("x.a");
  await eventually(() => changes.length === 3);
  assert.deepEqual(
    changes.map(({ key, entry }) => [key, entry?.value.count]),
    [
      ["x.a", 1],
      ["x.c", 3],
      ["x.a", undefined],
    ],
  );
});

test("in a bucket with a TTL a key that nobody writes again goes away, and watchers are told", async (t) => {
  const bucket = await bucketOf(t, 1_000);
  const gone: string[] = [];
  const watching = await bucket.watch(">", ({ key, entry }) => {
    if (!entry) gone.push(key);
  });
  t.after(() => watching.stop());
  await bucket.put("a", { count: 1 });
  await eventually(() => gone.includes("a"));
  assert.equal(await bucket.get("a"), undefined);
});

test("a value that is none of ours is passed over", async (t) => {
  const bucket = await bucketOf(t);
  await bucket.put("a", { count: "one" } as unknown as Counter);
  await bucket.put("b", { count: 2 });
  assert.equal(await bucket.get("a"), undefined);
  assert.deepEqual(
    (await bucket.entries()).map(({ key }) => key),
    ["b"],
  );
});

test("a key that is written again while all are read is told once, with its newest value", async (t) => {
  const bucket = await bucketOf(t);
  await bucket.put("quiet", { count: 0 });
  let written = 0;
  const writing = (async () => {
    for (let count = 1; count <= 300; count++) {
      await bucket.put("busy", { count });
      written = count;
    }
  })();
  let reads = 0;
  while (written < 300) {
    const before = written;
    const entries = await bucket.entries();
    const keys = entries.map(({ key }) => key);
    if (before > 0) assert.deepEqual(keys.toSorted(), ["busy", "quiet"]);
    const busy = entries.find(({ key }) => key === "busy");
    assert.ok((busy?.value.count ?? 0) >= before);
    reads++;
  }
  await writing;
  t.diagnostic(`${reads} reads`);
});

test("any names become a key and come back from it", () => {
  const names = ["my agent", "a.b*", "~x=y%", "схема"];
  assert.match(keyOf(...names), /^[-/_=.a-zA-Z0-9]+$/);
  assert.deepEqual(namesOfKey(keyOf(...names)), names);
});
