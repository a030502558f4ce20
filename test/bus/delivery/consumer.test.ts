import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import { Link } from "../../../bus/connection/connection.js";
import { PriorityConsumer } from "../../../bus/delivery/consumer.js";
import type { Delivery } from "../../../bus/delivery/delivery.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureConsumer } from "../../../bus/delivery/pull.js";
import { ensureQueue } from "../../../bus/streams/streams.js";
import { agent, skill } from "../../../index.js";
import { encodeBody } from "../../../protocol/codec.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { levels, levelWeights, type Level } from "../../../protocol/levels.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();

const body = encodeBody({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "s" },
});
const fill = async (link: Link, level: Level, count: number) => {
  const publisher = new Publisher(link);
  const stored = Array.from({ length: count }, (_, at) => {
    const taskId = `${level}-${at}`;
    const to = { agent: "a", skill: "s", lane: "main", level, taskId };
    return publisher.store(link.subjects.task(to), encodeHeaders({}), body);
  });
  await Promise.all(stored);
};

const levelOf = (delivery: Delivery): Level =>
  delivery.subject.split(".")[2] as Level;

const follow = async (
  t: TestContext,
  link: Link,
  slots: number,
  take: (delivery: Delivery, consumer: PriorityConsumer) => void,
) => {
  const consumer = new PriorityConsumer(link, slots, (delivery) =>
    take(delivery, consumer),
  );
  t.after(() => consumer.stop());
  for (const level of levels) {
    const pull = {
      stream: link.subjects.queue("a"),
      name: `a_main_${level}`,
      filter: link.subjects.tasksOf(level, "a", "main"),
      ackWaitMs: 10_000,
      maxInHand: -1,
    };
    await ensureConsumer(link, pull);
    consumer.add(pull, levelWeights[level]);
  }
  return consumer;
};

test("with a backlog on all levels they are served near 8:4:2:1, and slots are never exceeded", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a");
  await Promise.all(levels.map((level) => fill(link, level, 900)));
  const slots = 10;
  const taken: Level[] = [];
  let most = 0;
  await follow(t, link, slots, (delivery, consumer) => {
    taken.push(levelOf(delivery));
    most = Math.max(most, consumer.inHand);
    void turn().then(() => {
      delivery.acknowledge();
      consumer.release();
    });
  });
  await eventually(() => taken.length >= 1_200);
  const share = (level: Level) =>
    taken.slice(0, 1_200).filter((one) => one === level).length / 1_200;
  for (const level of levels) {
    const fair = levelWeights[level] / 15;
    const got = share(level);
    assert.ok(
      got > fair * 0.75 && got < fair * 1.25,
      `${level} has a share of ${got}, fair is ${fair}`,
    );
  }
  assert.ok(most <= slots, `${most} in hand at once`);
});

test("each message comes once, whatever the number of slots, and the queue runs empty", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a");
  await Promise.all(levels.map((level) => fill(link, level, 100)));
  const seen: string[] = [];
  const consumer = await follow(t, link, 1, (delivery, one) => {
    assert.equal(delivery.count, 1);
    seen.push(delivery.subject);
    delivery.acknowledge();
    one.release();
  });
  await eventually(() => seen.length >= 400);
  assert.equal(new Set(seen).size, 400);
  assert.equal(consumer.inHand, 0);
  const stream = link.subjects.queue("a");
  await eventually(
    async () => (await link.jsm.streams.info(stream)).state.messages === 0,
  );
});

test("a critical task that comes into a backlog of 20,000 low ones starts after a few of them", async (t) => {
  const link = await shared.link(t);
  const bus = await shared.connect(t);
  await ensureQueue(link, "a");
  await fill(link, "low", 20_000);
  const slots = 4;
  let started = 0;
  let startedBefore: number | undefined;
  const worker = agent("a", {
    skills: {
      s: skill({
        description: "Counts",
        input: z.any(),
        async run(_input, task) {
          if (task.level === "critical") startedBefore = started;
          started++;
          await turn();
        },
      }),
    },
  });
  await bus.serve(worker, { concurrency: slots, signals: false });
  await eventually(() => started > 100);
  const task = await bus.submit("a.s", 1, { priority: "critical" });
  const accepted = started;
  await task.result();
  const waited = startedBefore! - accepted;
  assert.ok(waited <= 25 * slots, `${waited} others started first`);
  const { state } = await link.jsm.streams.info(link.subjects.queue("a"));
  assert.ok(state.messages > 5_000, "the backlog was still there");
});

test("who pauses takes nothing, and goes on where it was", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a");
  const taken: string[] = [];
  const consumer = await follow(t, link, 4, (delivery, one) => {
    taken.push(delivery.subject);
    delivery.acknowledge();
    one.release();
  });
  await fill(link, "high", 1);
  await eventually(() => taken.length === 1);
  consumer.pause();
  await fill(link, "low", 50);
  await link.nats.flush();
  assert.equal(taken.length, 1);
  consumer.resume();
  await eventually(() => taken.length === 51);
});

test("after kill -9 of the server the consumer goes on by itself", async (t) => {
  await using server = await testServer();
  const link = await Link.open({
    url: server.url,
    namespace: "n",
    timeoutMs: 5_000,
  });
  t.after(() => link.close());
  await ensureQueue(link, "a");
  const taken = new Set<string>();
  const consumer = await follow(t, link, 4, (delivery, one) => {
    taken.add(delivery.subject);
    delivery.acknowledge();
    one.release();
  });
  await fill(link, "high", 10);
  await eventually(() => taken.size === 10);
  await server.kill();
  await server.restart();
  await fill(link, "critical", 10);
  await eventually(() => taken.size === 20);
  await consumer.stop();
  await link.close();
});
