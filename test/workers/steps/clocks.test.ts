// Two instances of an agent on machines whose clocks are two hours apart: whichever goes on with a task, it waits as
// long as it was told to, by the server's clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { spawnChild } from "../../support/child.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const hourMs = 3_600_000;
const ms = 1_600;

interface Waited {
  times: number[];
  pids: number[];
}

test("tasks that sleep, wait, or try again are woken in time, though the clocks of their instances differ", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  const children = await Promise.all(
    [-hourMs, hourMs].map((clockShiftMs) =>
      spawnChild<{ now: number }>(
        "clocked-process",
        { url, namespace },
        { clockShiftMs },
      ),
    ),
  );
  t.after(() => Promise.all(children.map((child) => child.kill())));
  for (const [at, sign] of [-1, 1].entries()) {
    const shift = children[at]!.said[0]!.now - Date.now();
    assert.ok(Math.abs(shift - sign * hourMs) < 60_000, `${shift}`);
  }
  const calls = Array.from({ length: 8 }, () =>
    bus.call("clocked.wait", { ms }, { timeout: "60s", deadline: "55s" }),
  );
  const all = (await Promise.all(calls)) as Waited[];
  for (const { times } of all) {
    assert.ok(times.every((at) => Math.abs(at - Date.now()) < 60_000));
    const waits = times.slice(1).map((at, n) => at - times[n]!);
    for (const [n, waited] of waits.entries()) {
      const least = n === 3 ? ms / 2 : ms; // a pause between attempts has jitter
      assert.ok(waited > least - 100, `wait ${n} lasted ${waited} ms`);
    }
  }
  assert.ok(all.some(({ pids }) => new Set(pids).size === 2));
});
