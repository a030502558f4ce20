import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../../bus/connection/connection.js";
import type { Delivery } from "../../../bus/delivery/delivery.js";
import { startRelay } from "../../../bus/delivery/relay.js";
import { startWaker } from "../../../bus/journal/waker.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureQueue } from "../../../bus/streams/streams.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const optionsOf = (link: Link) => ({
  stream: link.subjects.queue("a"),
  name: "relay",
  filter: link.subjects.tasksOf("normal", "a", "main"),
  ackWaitMs: 10_000,
  slots: 2,
  trouble: "a message could not be passed on",
});

const fill = async (link: Link, count: number): Promise<string[]> => {
  await ensureQueue(link, "a");
  const publisher = new Publisher(link);
  const subjects = Array.from({ length: count }, (_, at) => {
    const place = { agent: "a", skill: "s", lane: "main" } as const;
    return link.subjects.task({ ...place, level: "normal", taskId: `t${at}` });
  });
  const body = new Uint8Array(1);
  await Promise.all(
    subjects.map((to) => publisher.store(to, encodeHeaders({}), body)),
  );
  return subjects;
};

const left = async (link: Link): Promise<number> =>
  (await link.jsm.streams.info(link.subjects.queue("a"))).state.messages;

test("what could not be passed on is tried again, and holds up no other", async (t) => {
  const link = await shared.link(t);
  const subjects = await fill(link, 5);
  const passed: string[] = [];
  const counts: number[] = [];
  const pass = async ({ subject, count }: Delivery) => {
    await Promise.resolve();
    if (subject === subjects[0]) counts.push(count);
    if (subject === subjects[0] && count < 2) throw new Error("not now");
    passed.push(subject);
  };
  const relay = await startRelay(link, optionsOf(link), pass);
  t.after(() => relay.stop());
  await eventually(async () => (await left(link)) === 0);
  assert.deepEqual(counts, [1, 2]);
  assert.equal(passed.at(-1), subjects[0]);
  assert.deepEqual(passed.toSorted(), subjects);
});

test("a signal to a task whose name fits into no subject is not tried for ever", async (t) => {
  await shared.connect(t); // makes the streams
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const waker = await startWaker(link, publisher);
  t.after(() => waker.stop());
  const { signal, streams } = link.subjects;
  const subject = signal({ agent: "a", taskId: "id" }, "go", "1");
  const odd = subject.replace(".id.", `.${"n".repeat(300)}.`);
  await publisher.store(odd, encodeHeaders({}), new Uint8Array(1));
  await eventually(async () => {
    const { ack_floor: done } = await link.jsm.consumers.info(
      streams.journal,
      "waker",
    );
    return done.stream_seq === 1;
  });
});

test("a message is acknowledged only when it was passed on, and no more than the slots are under way", async (t) => {
  const link = await shared.link(t);
  await fill(link, 4);
  const underWay: (() => void)[] = [];
  const pass = () => new Promise<void>((resolve) => underWay.push(resolve));
  const relay = await startRelay(link, optionsOf(link), pass);
  t.after(() => relay.stop());
  await eventually(() => underWay.length === 2);
  assert.equal(await left(link), 4);
  underWay.shift()!();
  await eventually(async () => (await left(link)) === 3);
  await eventually(() => underWay.length === 2);
  await link.nats.flush();
  assert.equal(underWay.length, 2);
  await eventually(async () => {
    for (const resolve of underWay.splice(0)) resolve();
    return (await left(link)) === 0;
  });
});

test("relays of the same name share the work", async (t) => {
  const link = await shared.link(t);
  const other = await shared.link(t);
  const passed: string[][] = [[], []];
  for (const [at, one] of [link, other].entries()) {
    if (at === 0) await ensureQueue(link, "a");
    const relay = await startRelay(one, optionsOf(one), ({ subject }) => {
      passed[at]!.push(subject);
      return new Promise((resolve) => setImmediate(resolve));
    });
    t.after(() => relay.stop());
  }
  const subjects = await fill(link, 200);
  await eventually(async () => (await left(link)) === 0);
  assert.deepEqual(passed.flat().toSorted(), subjects.toSorted());
  assert.ok(passed.every((some) => some.length > 0));
});

test("a relay that was stopped takes nothing more", async (t) => {
  const link = await shared.link(t);
  await ensureQueue(link, "a");
  const passed: string[] = [];
  const pass = ({ subject }: Delivery) =>
    Promise.resolve(void passed.push(subject));
  const relay = await startRelay(link, optionsOf(link), pass);
  await relay.stop();
  await fill(link, 3);
  const next = await startRelay(link, optionsOf(link), () => Promise.resolve());
  t.after(() => next.stop());
  await eventually(async () => (await left(link)) === 0);
  assert.deepEqual(passed, []);
});
