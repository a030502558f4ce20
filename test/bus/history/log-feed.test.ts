import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Link } from "../../../bus/connection/connection.js";
import {
  LogFeed,
  logRange,
  type LogEntry,
} from "../../../bus/history/log-feed.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();

async function opened(t: TestContext) {
  const link = await shared.link(t);
  await ensureStreams(link);
  return { link, write: writer(link) };
}

/** Writes the ends of so many tasks. */
function writer(link: Link) {
  const recorder = new Recorder(link, new Publisher(link));
  let count = 0;
  return (tasks: number) =>
    Promise.all(
      Array.from({ length: tasks }, () => {
        const taskId = `task-${count++}`;
        const task = { agent: "a", taskId, origin: "o", params: {} };
        const facts = { attempt: 1, sender: "i", context: undefined };
        return recorder.completed(task, taskId, {
          ...facts,
          contentType: "json",
        });
      }),
    );
}

function follow(t: TestContext, link: Link, from: number) {
  const entries: LogEntry[] = [];
  const cuts = { count: 0 };
  const feed = new LogFeed(link, {
    from,
    onEntry: (entry) => void entries.push(entry),
    onCut: () => void cuts.count++,
  });
  t.after(() => feed.stop());
  const sequences = () => entries.map(({ sequence }) => sequence);
  return { feed, entries, sequences, cuts };
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last + 1 - first }, (_, at) => first + at);

test("what is on the log and what comes is handed over once, in order, from the place asked for", async (t) => {
  const { link, write } = await opened(t);
  await write(30);
  const { feed, entries, sequences } = follow(t, link, 11);
  assert.equal(await feed.reaches(30, 10_000), true);
  await write(20);
  assert.equal(await feed.reaches(50, 10_000), true);
  assert.deepEqual(sequences(), upTo(50, 11));
  const [first] = entries;
  assert.match(first!.subject, /\.event\.task\.a\.task-10\.end\.o$/);
  assert.equal(first!.headers.type, "task.completed");
  assert.ok(Math.abs(first!.at - link.clock.now()) < 60_000);
});

test("a log that is empty, or was emptied, is followed to its end", async (t) => {
  const { link, write } = await opened(t);
  const empty = follow(t, link, 1);
  assert.equal(await empty.feed.reaches(0, 10_000), true);
  await write(5);
  assert.equal(await empty.feed.reaches(5, 10_000), true);
  await link.jsm.streams.purge(link.subjects.streams.events);
  assert.deepEqual(await logRange(link), { first: 6, last: 5 });
  const { feed, sequences } = follow(t, link, 1);
  assert.equal(await feed.reaches(5, 10_000), true);
  await write(1);
  assert.equal(await feed.reaches(6, 10_000), true);
  assert.deepEqual(sequences(), [6]);
});

test("waiting for a place that the log does not reach ends in time", async (t) => {
  const { link } = await opened(t);
  const { feed } = follow(t, link, 1);
  assert.equal(await feed.reaches(1, 50), false);
});

test("what throws over an entry does not end the feed", async (t) => {
  const { link, write } = await opened(t);
  const seen: number[] = [];
  const feed = new LogFeed(link, {
    from: 1,
    onEntry({ sequence }) {
      seen.push(sequence);
      throw new Error(`not ${sequence}`);
    },
    onCut: () => undefined,
  });
  t.after(() => feed.stop());
  await write(3);
  assert.equal(await feed.reaches(3, 10_000), true);
  assert.deepEqual(seen, [1, 2, 3]);
});

test("after kill -9 of the server the feed goes on where it was, soon after the reconnect", async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const link = await Link.open({
    url: server.url,
    namespace: "troupe",
    timeoutMs: 5_000,
  });
  t.after(() => link.close());
  await ensureStreams(link);
  const write = writer(link);
  const { feed, sequences, cuts } = follow(t, link, 1);
  for (let round = 1; round <= 3; round++) {
    await write(10);
    await server.kill();
    await server.restart();
    await eventually(() => link.connected);
    await write(10);
    assert.equal(await feed.reaches(round * 20, 15_000), true);
  }
  assert.deepEqual(sequences(), upTo(60));
  assert.equal(cuts.count, 0);
});

test("a log that was replaced by a shorter one is told of", async (t) => {
  const { link, write } = await opened(t);
  await write(5);
  const { feed, cuts } = follow(t, link, 20);
  await eventually(() => cuts.count === 1);
  assert.equal(feed.position, 19);
});

test("a feed that rests gets nothing, not even after a reconnect, and goes on where it was", async (t) => {
  const { link, write } = await opened(t);
  const { feed, sequences } = follow(t, link, 1);
  feed.rest(); // while it begins
  const other = await shared.link(t);
  const awake = follow(t, other, 1);
  await write(5);
  assert.equal(await awake.feed.reaches(5, 10_000), true);
  await link.nats.reconnect();
  await eventually(() => link.reconnectedAt > 0);
  await write(5);
  assert.equal(await awake.feed.reaches(10, 10_000), true);
  const later = follow(t, link, 1); // would be there later than the one that rests
  assert.equal(await later.feed.reaches(10, 10_000), true);
  assert.deepEqual(sequences(), []);
  feed.goOn();
  assert.equal(await feed.reaches(10, 10_000), true);
  assert.deepEqual(sequences(), upTo(10));
});

test("a log that is not there yet is followed when it is", async (t) => {
  const link = await shared.link(t);
  const { feed, sequences } = follow(t, link, 1);
  assert.equal(await feed.reaches(1, 100), false);
  await ensureStreams(link);
  await writer(link)(3);
  assert.equal(await feed.reaches(3, 10_000), true);
  assert.deepEqual(sequences(), upTo(3));
});

test("a log that is another after a reconnect is told of, and nothing of it is handed over", async (t) => {
  const { link, write } = await opened(t);
  const { feed, sequences, cuts } = follow(t, link, 1);
  await write(5);
  assert.equal(await feed.reaches(5, 10_000), true);
  await link.jsm.streams.delete(link.subjects.streams.events);
  await ensureStreams(link);
  await write(2);
  await link.nats.reconnect();
  await eventually(() => cuts.count > 0);
  assert.deepEqual(sequences(), upTo(5));
});
