// Contexts where clocks are wrong, or are set while they are handled. What counts is the server's clock, by whose
// times on the log the timers are judged.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Bus } from "../../../index.js";
import { alarm, ringsAfterMs } from "../../support/alarm.js";
import { killChildren, startChild } from "../../support/child.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const hourMs = 3_600_000;
/** The server fires four times a second, and this machine may be busy. */
const earlyMs = 300;
const lateMs = 60_000;

/** Sets it and waits until it has rung. */
async function ring(bus: Bus, id: string, meanwhile?: () => void) {
  const context = bus.context(alarm, id);
  const before = (await context.snapshot())?.context.rang ?? 0;
  await context.call({ type: "SET" });
  meanwhile?.();
  await eventually(
    async () => (await context.snapshot())?.context.rang === before + 1,
    { timeoutMs: 30_000, what: "the alarm" },
  );
}

/** From each setting to its ringing, by the server's clock. */
async function tookMs(bus: Bus, id: string): Promise<number[]> {
  let at = { set: [] as number[], rang: [] as number[] };
  // What a machine emits is sent after its snapshot is stored.
  await eventually(async () => {
    at = { set: [], rang: [] };
    for await (const { event, at: stored } of bus.context(alarm, id).emitted())
      at[event.type].push(stored.getTime());
    return at.set.length === at.rang.length;
  });
  return at.rang.map((rang, n) => rang - at.set[n]!);
}

async function rangInTime(bus: Bus, id: string, times: number) {
  const took = await tookMs(bus, id);
  assert.equal(took.length, times);
  for (const ms of took)
    assert.ok(
      ms > ringsAfterMs - earlyMs && ms < ringsAfterMs + lateMs,
      `it rang after ${took.join(", ")} ms`,
    );
}

for (const [where, shiftMs] of [
  ["ahead", hourMs],
  ["behind", -hourMs],
] as const)
  test(`timers of contexts are right where the worker's clock is an hour ${where}`, async (t) => {
    t.after(() => killChildren(t));
    const bus = await shared.connect(t);
    const told = { url: shared.server.url, namespace: bus.namespace, shiftMs };
    const { said } = await startChild<{ clock: number }>(
      t,
      "alarm-process",
      told,
    );
    const off = said[0]!.clock - Date.now();
    assert.ok(Math.abs(off - shiftMs) < hourMs / 2, `it is off by ${off} ms`);
    await ring(bus, "c");
    await ring(bus, "c");
    await rangInTime(bus, "c", 2);
  });

test("a clock that is set by an hour, and back, while contexts are handled, moves no timer and loses no event", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(alarm, { signals: false });
  const { now } = Date;
  let setByMs = 0;
  const jump = mock.method(Date, "now", () => now() + setByMs);
  t.after(() => jump.mock.restore());
  for (const ms of [hourMs, 0, -hourMs, 0]) {
    await ring(bus, "c", () => (setByMs = ms));
    await ring(bus, `d${ms}`);
  }
  await rangInTime(bus, "c", 4);
  setByMs = -hourMs;
  await eventually(() => worker.contexts?.awake === 0, {
    what: "all contexts asleep",
  });
});
