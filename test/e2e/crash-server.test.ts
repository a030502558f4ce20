// nats-server killed -9 under load, again and again, and restarted on its store: nothing accepted is lost, nobody
// hangs, and the clients come back by themselves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, TroupeError, type SubmitOptions } from "../../index.js";
import { audit } from "../support/audit.js";
import { eventually } from "../support/eventually.js";
import { startFlow } from "../support/flow.js";
import { hand, newDiary, readDiary, startHand } from "../support/hands.js";
import { testServer } from "../support/server.js";

/** Of each kind that takes a way of its own: with a key, delayed, and neither. */
function mixed(at: number): SubmitOptions {
  if (at % 5 === 0) return { key: `key-${at % 40}` };
  return at % 7 === 0 ? { delay: "200ms" } : {};
}

test("over kills of the server every call settles and every accepted task ends exactly once", async (t) => {
  const rounds = 6;
  await using server = await testServer();
  const place = { url: server.url, namespace: "troupe" };
  await using bus = await connect({ url: server.url });
  await Promise.all([
    startHand(t, { ...place, concurrency: 64 }),
    startHand(t, { ...place, concurrency: 64 }),
  ]);
  const flow = startFlow(bus, {
    inFlight: 150,
    input: () => ({ ms: 10, note: "" }),
    options: (at) => (at % 3 === 0 ? { key: `key-${at % 30}` } : {}),
  });
  const calls = startCalls();
  for (let round = 0; round < rounds; round++) {
    const seen = flow.told.size;
    await eventually(() => flow.told.size > seen + 200, {
      what: "progress after a restart",
      timeoutMs: 30_000,
    });
    await server.kill();
    await server.restart();
  }
  await Promise.all([flow.end(), calls.end()]);
  const again = await bus.call(hand.skills.work, { note: "again" });
  assert.equal((again as { note: string }).note, "again");
  const { ends } = await audit({ ...place, ...flow });
  for (const failure of [...flow.failures, ...calls.failures])
    assert.ok(failure instanceof TroupeError, String(failure));
  t.diagnostic(
    `${rounds} kills, ${flow.accepted.size} accepted, ${calls.answered()} calls answered, ${flow.failures.length + calls.failures.length} failed, ${ends.size} ended`,
  );
  assert.deepEqual([...flow.failures, ...calls.failures], []);

  /** Calls that know nothing of their acceptance, and must be answered all the same. */
  function startCalls() {
    const failures: unknown[] = [];
    let answered = 0;
    let ending = false;
    const lane = async () => {
      while (!ending) {
        const note = String(answered);
        const calling = bus.call(hand.skills.work, { note, ms: 5 });
        await calling.then(
          (result) => {
            answered++;
            assert.equal((result as { note: string }).note, note);
          },
          (error: unknown) => failures.push(error),
        );
      }
    };
    const lanes = Array.from({ length: 50 }, lane);
    return {
      failures,
      answered: () => answered,
      async end() {
        ending = true;
        await Promise.all(lanes);
      },
    };
  }
});

test("a worker that lives on does no task twice although the killed server forgot what it had delivered", async (t) => {
  const rounds = 6;
  await using server = await testServer();
  const diary = await newDiary(t);
  const place = { url: server.url, namespace: "troupe" };
  await using bus = await connect({ url: server.url });
  await startHand(t, { ...place, diary, concurrency: 64 });
  const flow = startFlow(bus, {
    inFlight: 60,
    input: () => ({ ms: 2, note: "" }),
    options: mixed,
  });
  for (let round = 0; round < rounds; round++) {
    const seen = flow.told.size;
    await eventually(() => flow.told.size > seen + 100, { timeoutMs: 30_000 });
    await server.kill();
    await server.restart();
  }
  await flow.end();
  assert.deepEqual(flow.failures, []);
  await audit({ ...place, ...flow });
  const starts = (await readDiary(diary)).filter(
    ({ what }) => what === "start",
  );
  const times = new Map<string, number>();
  for (const { id } of starts) times.set(id, (times.get(id) ?? 0) + 1);
  const twice = [...times].filter(([, count]) => count > 1);
  t.diagnostic(
    `${rounds} kills, ${times.size} tasks, ${twice.length} begun twice`,
  );
  assert.deepEqual(twice, []);
});
