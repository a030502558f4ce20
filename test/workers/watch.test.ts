// What the watch knows of deliveries: each is kept alive in time, and one that was silent for too long is known to be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Watch, type KeptAlive } from "../../workers/watch.js";
import { eventually } from "../support/eventually.js";

const ackWaitMs = 600;

function delivery(): KeptAlive & { said: number } {
  return {
    keptAs: -1,
    keepAliveAt: 0,
    wasSilent: false,
    said: 0,
    keepAlive() {
      this.said++;
    },
  };
}

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a delivery that is kept alive in time is nobody else's", async (t) => {
  const watch = new Watch(ackWaitMs);
  const kept = delivery();
  watch.keep(kept);
  t.after(() => watch.release(kept));
  await eventually(() => kept.said >= 2);
  assert.equal(watch.wasSilent(kept), false);
});

test("one whose process stood still for too long may be another's, from then on", async (t) => {
  const watch = new Watch(ackWaitMs);
  const kept = delivery();
  watch.keep(kept);
  t.after(() => watch.release(kept));
  blockFor(ackWaitMs + 100);
  assert.equal(watch.wasSilent(kept), true);
  await eventually(() => kept.said > 0);
  assert.equal(watch.wasSilent(kept), true);
});
