// Memory stays flat, whatever went through a process.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemorySample } from "../../bench/memory.js";
import { startChild } from "../support/child.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const megabyte = 1_000_000;

test("a client and worker hold no more memory after 60,000 tasks than after 20,000", async (t) => {
  const { url } = shared.server;
  const told = { url, total: 60_000, every: 10_000 };
  const child = await startChild<MemorySample>(t, "memory-process", told);
  assert.equal(await child.ended, 0);
  const samples = child.said.slice(1);
  t.diagnostic(
    samples.map(({ heapUsed }) => (heapUsed / megabyte).toFixed(1)).join(" "),
  );
  const early = samples.find(({ tasks }) => tasks >= 20_000)!;
  const last = samples.at(-1)!;
  assert.ok(last.tasks >= told.total);
  const grownBy = last.heapUsed - early.heapUsed;
  assert.ok(grownBy < 3 * megabyte, `the heap grew by ${grownBy} bytes`);
});
