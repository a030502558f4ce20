// Contexts that sleep: the worker that had them awake is as small as before, and the next event wakes one at once. By
// hand with CONTEXTS=100000.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { tally } from "../support/tally.js";

const contexts = Number(process.env["CONTEXTS"] ?? 2_000);
const warmUp = 1_000;
const inFlight = 256;
const megabyte = 1_000_000;

interface Sample {
  handled: number;
  heapUsed: number;
  rss: number;
}

const shared = sharedServer();

test("contexts that sleep cost their worker no memory, and wake with their next event", async (t) => {
  const bus = await shared.connect(t);
  const { said } = await startChild<Sample>(t, "tally-process", {
    url: shared.server.url,
    namespace: bus.namespace,
    concurrency: 32,
  });
  const asleepAfter = (handled: number) =>
    eventually(() => said.find((sample) => sample.handled >= handled), {
      what: "all contexts asleep",
      timeoutMs: 60_000,
    });
  // Idle is one that has worked: code is compiled, and the heap has the size that work needs.
  let begun = 0;
  let until = warmUp;
  const lane = async () => {
    while (begun < until)
      await bus
        .context(tally, `c-${begun++}`)
        .call({ type: "ADD", n: 1 }, { timeout: "5m" });
  };
  const work = () => Promise.all(Array.from({ length: inFlight }, lane));
  await work();
  const idle = await asleepAfter(warmUp);
  until = contexts;
  await work();
  const asleep = await asleepAfter(contexts);
  const times: number[] = [];
  for (let n = 0; n < 100; n++) {
    const at = Math.floor((n * contexts) / 100);
    const startedAt = performance.now();
    const woken = bus.context(tally, `c-${at}`);
    await woken.call({ type: "ADD", n: 2 });
    times.push(performance.now() - startedAt);
    assert.equal((await woken.snapshot())?.context.count, 2);
  }
  times.sort((a, b) => a - b);
  const [grown, rss] = [
    asleep!.heapUsed - idle!.heapUsed,
    asleep!.rss - idle!.rss,
  ].map((bytes) => bytes / megabyte);
  t.diagnostic(
    `${contexts} contexts asleep: heap ${grown!.toFixed(1)} MB more than idle, resident ${rss!.toFixed(1)}; an event that wakes one takes ${times[50]!.toFixed(1)} ms (median), ${times[95]!.toFixed(1)} (95th)`,
  );
  assert.ok(grown! < 20, `the heap grew by ${grown} MB`);
  assert.ok(times[50]! < 200, `waking took ${times[50]} ms`); // less than 20 on a machine that is not busy
});
