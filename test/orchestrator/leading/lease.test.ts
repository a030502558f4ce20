import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";
import { Publisher } from "../../../bus/streams/publisher.js";
import {
  Lease,
  leaseMs,
  renewMs,
} from "../../../orchestrator/leading/lease.js";
import { beforeMessage } from "../../support/before-message.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** One who asks for the lease, over a connection of its own. */
async function candidate(
  t: TestContext,
  holder: string,
  made?: (lease: Lease) => void,
) {
  const link = await shared.link(t);
  const told: (number | string)[] = [];
  const lease = new Lease(link, new Publisher(link), holder, {
    taken: (term) => told.push(term),
    lost: (why) => told.push(why),
  });
  t.after(() => lease.stop());
  made?.(lease);
  await lease.start();
  return { link, lease, told, holder };
}

const holding = (candidates: { lease: Lease }[]) =>
  candidates.filter(({ lease }) => lease.held !== undefined);

/** Not a sleep for something to come about: that nothing does takes its time. */
function passed(ms: number): Promise<unknown> {
  const begun = performance.now();
  return eventually(() => performance.now() - begun > ms);
}

test("of several one leads, keeps leading, and all know who", async (t) => {
  const names = ["a", "b", "c"];
  const all = await Promise.all(names.map((name) => candidate(t, name)));
  await eventually(() => holding(all).length === 1);
  const [leader] = all.filter(({ lease }) => lease.held !== undefined);
  const term = leader!.lease.held;
  await passed(leaseMs + 500);
  assert.deepEqual(holding(all), [leader]);
  assert.equal(leader!.lease.held, term);
  for (const { lease } of all) assert.equal(lease.leader, leader!.holder);
});

test("who stops gives it back, and another has it at once, with a greater term", async (t) => {
  const first = await candidate(t, "a");
  await eventually(() => first.lease.held !== undefined);
  const term = first.lease.held!;
  const second = await candidate(t, "b");
  const begun = performance.now();
  await first.lease.stop();
  await eventually(() => second.lease.held !== undefined);
  assert.ok(performance.now() - begun < leaseMs);
  assert.ok(second.lease.held! > term);
});

for (const how of ["stop", "release"] as const)
  test(`who is told to ${how} while it takes it does not have it, and leaves it to others at once`, async (t) => {
    const over: Promise<void>[] = [];
    let told: Lease | undefined;
    beforeMessage(t, "leases.orchestrator", () => {
      over.push(how === "stop" ? told!.stop() : told!.release(60_000));
      return Promise.resolve();
    });
    const first = await candidate(t, "a", (lease) => (told = lease));
    await eventually(() => over.length > 0);
    const begun = performance.now();
    await over[0];
    const second = await candidate(t, "b");
    await eventually(() => second.lease.held !== undefined);
    assert.ok(performance.now() - begun < leaseMs);
    assert.deepEqual(first.told, []);
  });

test("who is silent loses it by its own count, and another has it soon", async (t) => {
  const first = await candidate(t, "a");
  await eventually(() => first.lease.held !== undefined);
  const second = await candidate(t, "b");
  const cutOff = performance.now();
  await first.link.close();
  await eventually(() => second.lease.held !== undefined);
  const took = Math.round(performance.now() - cutOff);
  assert.equal(first.lease.held, undefined);
  assert.match(String(first.told.at(-1)), /not renewed/);
  t.diagnostic(`taken over after ${took} ms`);
  assert.ok(took < 12_000, `${took} ms`); // 2.3 s where nothing else is busy
});

test("a clock that is set neither ends a lease nor keeps one", async (t) => {
  const all = [await candidate(t, "a"), await candidate(t, "b")];
  await eventually(() => holding(all).length === 1);
  const [leader] = holding(all);
  const term = leader!.lease.held;
  const { now } = Date;
  for (const jump of [3_600_000, -3_600_000]) {
    const set = mock.method(Date, "now", () => now() + jump);
    await new Promise((resolve) => setTimeout(resolve, renewMs));
    set.mock.restore();
    assert.equal(leader!.lease.held, term);
  }
});

test("who leaves it to others for a while does not take it, and does afterwards", async (t) => {
  const { lease } = await candidate(t, "a");
  await eventually(() => lease.held !== undefined);
  await lease.release(700);
  await passed(400);
  assert.equal(lease.held, undefined);
  await eventually(() => lease.held !== undefined);
});
