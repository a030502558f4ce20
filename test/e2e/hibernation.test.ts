// Contexts that sleep: the worker that had them awake is as small as one that has just started, and the next event
// wakes one at once. By hand with CONTEXTS=100000, which also waits until V8 has given back what the traffic took.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { tally } from "../support/tally.js";

const contexts = Number(process.env["CONTEXTS"] ?? 2_000);
const inFlight = 256;
const megabyte = 1_000_000;
/** V8 gives pages back by itself, when little is asked of it for a while: longer than a test of the suite may take. */
const restMs = contexts >= 100_000 ? 120_000 : 0;

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
  const idle = said[0]!;
  let begun = 0;
  const lane = async () => {
    while (begun < contexts)
      await bus
        .context(tally, `c-${begun++}`)
        .call({ type: "ADD", n: 1 }, { timeout: "5m" });
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const asleep = await asleepAfter(contexts);
  const isSmall = ({ rss }: Sample) => rss < idle.rss + 20 * megabyte;
  if (restMs > 0)
    await eventually(() => isSmall(said.at(-1)!), {
      what: "resident memory of an idle worker",
      timeoutMs: restMs,
    });
  const rested = said.at(-1)!;
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
  const grown = (asleep!.heapUsed - idle.heapUsed) / megabyte;
  const resident = [idle, asleep!, rested].map(({ rss }) =>
    (rss / megabyte).toFixed(1),
  );
  t.diagnostic(
    `${contexts} contexts asleep: heap ${grown.toFixed(1)} MB more than idle; resident ${resident.join(", ")} MB when it began, at once afterwards, and when it had rested ${restMs / 1000}s at most; an event that wakes one takes ${times[50]!.toFixed(1)} ms (median), ${times[95]!.toFixed(1)} (95th)`,
  );
  assert.ok(grown < 20, `the heap grew by ${grown} MB`);
  assert.ok(times[50]! < 1_000, `waking took ${times[50]} ms`); // less than 20 on a machine that is not busy
});
