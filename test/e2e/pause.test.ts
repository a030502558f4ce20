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

/** More of them by hand: each is a pause, kills of all workers and of the server, and the end of the pause. */
const rounds = Number(process.env["TROUPE_PAUSE_ROUNDS"] ?? 1);

test("a paused agent stays paused over kill -9 of its workers and of the server, and every task ends once", async (t) => {
  const diary = await newDiary(t);
  await using server = await testServer();
  const place = { url: server.url, namespace: "troupe" };
  const start = () => startHand(t, { ...place, diary, concurrency: 16 });
  await using bus = await connect({ url: server.url });
  let hands = [await start(), await start()];
  const flow = startFlow(bus, {
    inFlight: 60,
    input: () => ({ ms: 5, note: "" }),
    options: mixed,
  });
  let waited = 0;
  for (let round = 0; round < rounds; round++) {
    const before = flow.told.size;
    await eventually(() => flow.told.size > before + 100, {
      timeoutMs: 30_000,
    });
    const paused = await bus.pauseAgent("hand", { timeout: "30s" });
    assert.ok(paused.length >= 2);
    await eventually(async () => (await begun()).inHand === 0);
    const { starts } = await begun();
    await Promise.all(hands.map((hand) => hand.kill()));
    const victim = await start();
    await server.kill();
    await server.restart();
    hands = [await start()];
    await victim.kill();
    hands.push(await start());
    await eventually(async () => {
      const living = await bus.instances("hand");
      return (
        living.length === 2 && living.every(({ state }) => state === "paused")
      );
    });
    assert.equal((await begun()).starts, starts, "nobody began a task");
    const waiting = [...flow.accepted].filter((id) => !flow.told.has(id));
    assert.ok(waiting.length > 0, "tasks wait");
    waited += waiting.length;
    await bus.resumeAgent("hand", { timeout: "30s" });
  }
  await flow.end();
  assert.deepEqual(flow.failures, []);
  const { ends } = await audit({ ...place, ...flow });
  assert.equal(ends.size, flow.accepted.size);
  t.diagnostic(
    `${rounds} rounds, ${waited} waited through a pause, ${ends.size} ended`,
  );

  /** All kills are of workers that have nothing in hand, so every start is finished. */
  async function begun() {
    const entries = await readDiary(diary);
    const starts = entries.filter(({ what }) => what === "start").length;
    return { starts, inHand: starts - (entries.length - starts) };
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
