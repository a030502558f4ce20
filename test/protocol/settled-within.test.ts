import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { toMs } from "../../protocol/duration.js";
import { settledWithin } from "../../protocol/settled-within.js";

test("what has longer than a timer of Node's lasts is waited for", async () => {
  assert.equal(await settledWithin(toMs("60d"), pause(30)), true);
  assert.equal(await settledWithin(1, pause(30)), false);
});
