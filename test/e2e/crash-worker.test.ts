// Workers killed -9 again and again, before, during and after the effect of their tasks, while hundreds of tasks
// are in flight. What is accepted ends exactly once (R1, R2), by the log's own account.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { connect as dial } from "@nats-io/transport-node";
import { subjectsOf } from "../../protocol/subjects.js";
import { audit, isEnd } from "../support/audit.js";
import { eventually } from "../support/eventually.js";
import { startFlow } from "../support/flow.js";
import { hand, newDiary, readDiary, startHand } from "../support/hands.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const rounds = Number(process.env["TROUPE_KILLS"] ?? 4);
const inFlight = 300;

async function opened(t: TestContext) {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  return { bus, place, diary, options: { ...place, diary } };
}

/** Counts the terminal events that are published. */
async function countEnds(t: TestContext, namespace: string) {
  const connection = await dial({ servers: shared.server.url });
  t.after(() => connection.close());
  const ends = { count: 0 };
  connection.subscribe(subjectsOf(namespace).taskEventsWhere({ kind: "end" }), {
    callback: () => void ends.count++,
  });
  await connection.flush();
  return ends;
}

test("tasks of workers killed in the midst of their handlers all end exactly once", async (t) => {
  const { bus, place, diary } = await opened(t);
  const flow = startFlow(bus, {
    inFlight,
    input: (at) => ({ ms: 60 + (at % 7) * 60, note: String(at) }),
  });
  // Each with a diary of its own: a long one would take long to read again and again.
  let started = 0;
  const startNext = async () => {
    const own = `${diary}-${started++}`;
    const child = await startHand(t, { ...place, diary: own, concurrency: 64 });
    return { child, own };
  };
  let victim = await startNext();
  let other = await startNext();
  let interrupted = 0;
  for (let round = 0; round < rounds; round++) {
    const { child, own } = victim;
    await eventually(async () => (await readDiary(own)).length > 0);
    await child.kill();
    for (const { what } of await readDiary(own))
      interrupted += what === "start" ? 1 : -1;
    [victim, other] = [other, await startNext()];
  }
  await flow.end();
  assert.deepEqual(flow.failures, []);
  const { ends } = await audit({ ...place, ...flow });
  assert.equal(ends.size, flow.accepted.size);
  t.diagnostic(
    `${rounds} kills, ${interrupted} handlers cut short, ${ends.size} tasks`,
  );
  assert.ok(interrupted >= rounds, "every kill was to hit a handler");
});

test("tasks of workers killed while their ends are being published all end exactly once", async (t) => {
  const { bus, place, options } = await opened(t);
  const ends = await countEnds(t, place.namespace);
  const flow = startFlow(bus, { inFlight, input: () => ({ ms: 0, note: "" }) });
  for (let round = 0; round < rounds; round++) {
    const seen = ends.count;
    const worker = await startHand(t, {
      ...options,
      diary: "",
      concurrency: 256,
    });
    await eventually(() => ends.count > seen + round * 7);
    await worker.kill();
  }
  await startHand(t, { ...options, concurrency: 256 });
  await flow.end();
  assert.deepEqual(flow.failures, []);
  const { ends: stored } = await audit({ ...place, ...flow });
  assert.equal(stored.size, flow.accepted.size);
  t.diagnostic(`${rounds} kills, ${stored.size} tasks`);
});

test("a task whose worker was killed after the effect and before the acknowledgement is not done again", async (t) => {
  const { bus, place, diary, options } = await opened(t);
  const ends = await countEnds(t, place.namespace);
  const flow = startFlow(bus, {
    inFlight,
    input: () => ({ ms: 1, note: "" }),
  });
  for (let round = 0; round < rounds; round++) {
    const seen = ends.count;
    const worker = await startHand(t, {
      ...options,
      concurrency: 8,
      neverAcknowledges: true,
    });
    await eventually(() => ends.count >= seen + 20);
    await worker.kill();
  }
  const left = await shared.link(t);
  const { messages } = (
    await left.jsm.streams.info(left.subjects.queue("hand"))
  ).state;
  assert.ok(messages >= 20 * rounds, "ended, and not acknowledged");
  await startHand(t, { ...options, concurrency: 64 });
  await flow.end();
  assert.deepEqual(flow.failures, []);
  const { histories } = await audit({ ...place, ...flow });
  for (const [id, events] of histories)
    assert.ok(
      isEnd(events.at(-1)!),
      `task ${id} was begun again after its end`,
    );
  const starts = (await readDiary(diary)).filter(
    ({ what }) => what === "start",
  );
  t.diagnostic(
    `${rounds} kills, ${messages} left without acknowledgement, ${histories.size} tasks, ${starts.length} starts`,
  );
  // Eight at most were in hand at each kill, without an end on the log.
  assert.ok(starts.length <= histories.size + rounds * 8);
  const output = await bus.call(hand.skills.work, { note: "x" });
  assert.equal((output as { note: string }).note, "x");
});
