// When messages are synced together, by what it has cost lately.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncCosts } from "../../../bus/streams/sync-costs.js";

/** From how many on they go as a batch, at most a hundred. */
function fewestIn(costs: SyncCosts): number {
  for (let count = 2; count < 100; count++)
    if (costs.prefersBatch(count)) return count;
  return 100;
}

/** So often what is chosen is done, on a disk where it takes so long. */
function learnedFrom(
  disk: { aloneMs: number; batchMs: number },
  times: number,
  costs = new SyncCosts(),
): SyncCosts {
  for (let at = 0; at < times; at++) {
    const count = 2 + (at % 30);
    if (costs.prefersBatch(count)) costs.sawBatch(disk.batchMs);
    else costs.sawAlone(count, count * disk.aloneMs);
  }
  return costs;
}

const quickDisk = { aloneMs: 0.15, batchMs: 2.2 };
const slowDisk = { aloneMs: 10, batchMs: 12 };

test("where a sync is quick a batch is made of many only", () => {
  const fewest = fewestIn(learnedFrom(quickDisk, 200));
  assert.ok(fewest >= 8 && fewest <= 20, String(fewest));
});

test("where a sync is slow two go as a batch", () => {
  assert.ok(fewestIn(learnedFrom(slowDisk, 200)) <= 3);
});

test("one slow moment does not decide for ever", () => {
  const costs = learnedFrom(quickDisk, 200);
  costs.sawBatch(5_000);
  learnedFrom(quickDisk, 2_000, costs);
  assert.ok(fewestIn(costs) <= 30);
  costs.sawAlone(4, 5_000);
  learnedFrom(quickDisk, 2_000, costs);
  assert.ok(fewestIn(costs) >= 8);
});

test("it is noticed when the disk becomes another", () => {
  const costs = learnedFrom(quickDisk, 200);
  assert.ok(fewestIn(learnedFrom(slowDisk, 500, costs)) <= 3);
  assert.ok(fewestIn(learnedFrom(quickDisk, 1_000, costs)) >= 8);
});
