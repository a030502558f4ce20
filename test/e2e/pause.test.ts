// A pause holds over everything: instances in other processes that are killed and started again, the server
// killed and restarted. What was accepted meanwhile ends once when the agent is resumed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../index.js";
import { audit } from "../support/audit.js";
import { eventually } from "../support/eventually.js";
import { startFlow } from "../support/flow.js";
import { newDiary, readDiary, startHand } from "../support/hands.js";
import { testServer } from "../support/server.js";

/** Of each kind that takes a way of its own. */
const mixed = (at: number) => {
  if (at % 5 === 0) return { key: `key-${at % 20}` };
  return at % 7 === 0 ? { delay: "50ms" as const } : {};
};

test("a paused agent stays paused over kill -9 of its workers and of the server, and every task ends once", async (t) => {
  const diary = await newDiary(t);
  await using server = await testServer();
  const place = { url: server.url, namespace: "troupe" };
  const hands = { ...place, diary, concurrency: 16 };
  await using bus = await connect({ url: server.url });
  const first = [await startHand(t, hands), await startHand(t, hands)];
  const flow = startFlow(bus, {
    inFlight: 60,
    input: () => ({ ms: 5, note: "" }),
    options: mixed,
  });
  await eventually(() => flow.told.size > 100, { timeoutMs: 30_000 });

  const paused = await bus.pauseAgent("hand", { timeout: "30s" });
  assert.equal(paused.length, 2);
  await eventually(async () => {
    const diary = await inHand();
    return diary.open === 0;
  });
  const { starts } = await inHand();
  const accepted = flow.accepted.size;
  await Promise.all(first.map((hand) => hand.kill()));
  const second = await startHand(t, hands);
  await server.kill();
  await server.restart();
  await startHand(t, hands);
  await second.kill();
  await startHand(t, hands);
  await eventually(async () => {
    const living = await bus.instances("hand");
    return (
      living.length === 2 && living.every(({ state }) => state === "paused")
    );
  });
  assert.equal((await inHand()).starts, starts, "nobody began a task");
  const waiting = [...flow.accepted].filter((id) => !flow.told.has(id));
  assert.ok(waiting.length > 0, "tasks wait");

  await bus.resumeAgent("hand", { timeout: "30s" });
  await flow.end();
  assert.deepEqual(flow.failures, []);
  const { ends } = await audit({ ...place, ...flow });
  assert.equal(ends.size, flow.accepted.size);
  t.diagnostic(
    `${accepted} accepted before, ${waiting.length} waited, ${ends.size} ended`,
  );

  async function inHand() {
    const entries = await readDiary(diary);
    const starts = entries.filter(({ what }) => what === "start").length;
    return { starts, open: starts - (entries.length - starts) };
  }
});

test("an instance that is cut off while its agent is paused begins nothing when it comes back", async (t) => {
  const diary = await newDiary(t);
  await using server = await testServer();
  const place = { url: server.url, namespace: "troupe" };
  await using bus = await connect({ url: server.url });
  const hand = await startHand(t, { ...place, diary, concurrency: 16 });
  await eventually(async () => (await bus.instances("hand")).length === 1);
  hand.signal("SIGSTOP"); // it hears nothing any more, and is missed
  assert.deepEqual(await bus.pauseAgent("hand", { timeout: "30s" }), []);
  const tasks = await Promise.all(
    Array.from({ length: 10 }, (_, at) =>
      bus.submit("hand.work", { note: String(at) }, mixed(at)),
    ),
  );
  hand.signal("SIGCONT");
  await eventually(async () =>
    (await bus.instances("hand")).some(({ state }) => state === "paused"),
  );
  assert.deepEqual(await readDiary(diary), []);
  await bus.resumeAgent("hand", { timeout: "30s" });
  await Promise.all(tasks.map((task) => task.result()));
  assert.equal((await readDiary(diary)).length, 20);
});
