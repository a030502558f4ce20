// Signals to workflows whose workers are killed -9, or frozen for too long. By hand: SIGNALS=2000.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { lastMessage } from "../../bus/history/stored.js";
import { readSignals } from "../../bus/journal/signals.js";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { sharedServer } from "../support/shared-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { trip } from "../support/trip.js";

const signals = Number(process.env["SIGNALS"] ?? 60);

const shared = sharedServer();

async function servesTrips(t: TestContext) {
  const path = join(await temporaryDirectory(t), "diary");
  const { url } = shared.server;
  const namespace = shared.namespaceOf(t);
  const told = { url, namespace, path };
  return (halt?: Halt) =>
    startChild<object>(t, "trip-process", halt ? { ...told, halt } : told);
}

test("a loop whose workers are killed takes each signal once, and leaves none behind", async (t) => {
  const bus = await shared.connect(t);
  const serve = await servesTrips(t);
  const loop = await bus.submit(trip.skills.loop, { taken: [] });
  let child = await serve();
  let sent = 0;
  const sending = async () => {
    for (; sent < signals; sent++)
      for (const _time of ["once", "and again"])
        await loop.signal("go", sent, { id: `s${sent}` });
  };
  const over = sending();
  let kills = 0;
  while (sent < signals || kills < 3) {
    await wait(Math.random() * 400);
    await child.kill();
    kills++;
    for (let old = 0; old < sent; old += 7)
      await loop.signal("go", old, { id: `s${old}` });
    child = await serve();
  }
  await over;
  await loop.signal("go", -1);
  const taken = await loop.result({ timeout: "2m" });
  assert.deepEqual(
    taken,
    Array.from({ length: signals }, (_, at) => at),
  );
  const left = await readSignals(await shared.link(t), {
    agent: "trip",
    taskId: loop.id,
  });
  assert.deepEqual(
    left.filter(({ value }) => value !== -1),
    [],
  );
  t.diagnostic(`${signals} signals, ${kills} kills`);
});

const frozen = { by: "SIGSTOP", when: "before", at: 1 } as const;
/** Before it says that its attempt has failed, or when all that is left is to store the timer. */
const places = { "its history": ".event.task.", "the timer": ".timer." };

for (const [name, on] of Object.entries(places))
  test(`a worker that is frozen before it writes ${name} for a retry does not put off who has taken the task since`, async (t) => {
    const bus = await shared.connect(t);
    const link = await shared.link(t);
    const serve = await servesTrips(t);
    const first = await serve({ ...frozen, on });
    const task = await bus.submit(trip.skills.later, {});
    const timer = () =>
      lastMessage(
        link,
        link.subjects.streams.timers,
        link.subjects.timer({ agent: "trip", taskId: task.id }),
      );
    const second = await serve();
    const theirs = (await eventually(timer))!;
    assert.ok(theirs.headers.parked);
    first.signal("SIGCONT");
    await wait(1_000); // it tries to write
    assert.equal((await timer())?.sequence, theirs.sequence);
    await task.signal("go", 7);
    assert.equal(await task.result({ timeout: "10s" }), 7);
    await second.kill();
  });
