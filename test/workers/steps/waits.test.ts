import assert from "node:assert/strict";
import { test } from "node:test";
import { Waits, type WaitsHost } from "../../../workers/steps/waits.js";
import { Operation } from "../../../workers/steps/tape.js";

const turn = () => new Promise(setImmediate);

function host(more: Partial<WaitsHost> = {}) {
  const parked: string[] = [];
  const waits = new Waits({
    now: () => 0,
    isIdle: () => true,
    park: (until, what) => parked.push(`${what} until ${until}`),
    idle: () => undefined,
    canPark: true,
    ...more,
  });
  return { waits, parked };
}

const operation = (ordinal: number): Operation =>
  new Operation(ordinal, "sleep", "sleep", undefined);
const sleep = (until: number) => ({
  until,
  what: `time ${until}`,
  due: () => undefined,
});
const child = (hasHappened: boolean) => ({
  until: undefined,
  what: "child",
  due: () => undefined,
  hasHappened: () => Promise.resolve(hasHappened),
});

test("what has a known end far off is waited for elsewhere at once, until the first end", async () => {
  const { waits, parked } = host();
  waits.add(operation(0), sleep(9_000));
  waits.add(operation(1), sleep(5_000));
  await turn();
  assert.deepEqual(parked, ["time 9000, or time 5000 until 5000"]);
});

test("what follows when one time has come happens before anything is parked for the others", async (t) => {
  let busy = false;
  const { waits, parked } = host({ isIdle: () => !busy });
  t.after(() => waits.stop());
  waits.add(operation(0), sleep(9_000));
  waits.add(operation(1), { ...sleep(0), due: () => void (busy = true) });
  await turn();
  await turn();
  assert.deepEqual(parked, []);
});

test("nothing is parked while a step runs, or where it may not be", async (t) => {
  const working = host({ isIdle: () => false });
  const kept = host({ canPark: false });
  t.after(() => {
    working.waits.stop();
    kept.waits.stop();
  });
  for (const { waits } of [working, kept])
    waits.add(operation(0), sleep(9_000));
  await turn();
  assert.deepEqual([...working.parked, ...kept.parked], []);
});

test("what happens while a task is being parked is not missed, though nobody waits in the worker any more", async () => {
  const { waits, parked } = host();
  const called = operation(0);
  waits.add(called, { ...sleep(5_000), what: "child" });
  await turn();
  assert.equal(parked.length, 1);
  assert.equal(await waits.anyOver(), false);
  waits.remove(called);
  assert.equal(await waits.anyOver(), true);
});

test("what may have happened unheard is looked at", async () => {
  const { waits } = host({ isIdle: () => false });
  waits.add(operation(0), sleep(9_000));
  waits.add(operation(1), child(false));
  assert.equal(await waits.anyOver(), false);
  waits.add(operation(2), child(true));
  assert.equal(await waits.anyOver(), true);
  waits.stop();
});
