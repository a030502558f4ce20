// What runs, waits and asks for a time counts it steadily: a machine's clock that is set meanwhile, by hand or
// by NTP, ends nothing early and nothing late.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { doer, gate, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const hourMs = 3_600_000;

/** Sets the clock of this process. */
function settable(t: TestContext): (byMs: number) => void {
  const right = Date.now.bind(Date);
  let shiftMs = 0;
  t.mock.method(Date, "now", () => right() + shiftMs);
  return (byMs) => (shiftMs = byMs);
}

test("a clock that is set ahead ends no handler, no wait and no question before its time", async (t) => {
  const bus = await shared.connect(t);
  const set = settable(t);
  const { opened, open } = gate();
  const short = doer(() => new Promise(() => undefined), {
    retry: { attempts: 1 },
    timeout: "80ms",
  });
  const long = doer(() => opened, { retry: { attempts: 1 } }, "long");
  const worker = await bus.serve(long, quiet);
  await bus.serve(short, quiet);
  const task = await bus.submit(long.skills.do, 1);
  const waited = task.result({ timeout: "60s" });
  const asked = bus.ask(long.skills.do, 1, { timeout: "60s" });
  await eventually(() => worker.card().running === 1);
  set(hourMs);
  // By the end of this one, all that looks at the clock has looked.
  await assert.rejects(bus.call(short.skills.do, 1));
  open();
  await Promise.all([waited, asked]);
});

test("a clock that is set back lets no handler, no wait and no question outlast its time", async (t) => {
  const bus = await shared.connect(t);
  const set = settable(t);
  const setBack = async () => {
    await turn(); // its time has begun
    set(-hourMs);
    return new Promise(() => undefined);
  };
  const slow = doer(setBack, { retry: { attempts: 1 }, timeout: "80ms" });
  await bus.serve(slow, quiet);
  const one = await bus.submit(slow.skills.do, 1);
  await eventually(async () => (await one.state()) === "failed");
  set(0);
  const silent = doer(setBack, {}, "silent");
  await bus.serve(silent, { ...quiet, drain: "10ms" });
  const waited = bus.call(silent.skills.do, 1, { timeout: "1s" });
  await assert.rejects(waited, { code: "WAIT_TIMED_OUT" });
  set(0);
  const asked = bus.ask(silent.skills.do, 1, { timeout: "300ms" });
  await assert.rejects(asked, { code: "WAIT_TIMED_OUT" });
});
