import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  decide,
  startScaling,
  type AgentSeen,
  type Observation,
  type Scaling,
  type ScalingSettings,
} from "../../../cli/replicas/policy.js";

const settings: ScalingSettings = {
  least: 1,
  most: 8,
  latencyMs: 1_000,
  idleMs: 30_000,
  cores: 8,
};
const stepMs = 500;

const full: AgentSeen = {
  agent: "writer",
  waiting: 100,
  oldestWaitMs: 2_000,
  inHand: 16,
  slots: 16,
  rate: 5,
};
const seen = (more: Partial<Observation> = {}): Observation => ({
  at: 0,
  agents: [full],
  serving: 1,
  loop: 0.1,
  cpu: 0.1,
  ...more,
});

/** Shows the same again and again for a while; returns each number that came of it, with why. */
function show(
  from: Scaling,
  what: (scaling: Scaling) => Observation,
  forMs: number,
  by = settings,
  startAt = 0,
) {
  let scaling = from;
  const changes: { at: number; wanted: number; reason: string }[] = [];
  for (let at = startAt; at <= startAt + forMs; at += stepMs) {
    const decision = decide(scaling, { ...what(scaling), at }, by);
    scaling = decision.scaling;
    const { reason } = decision;
    if (reason !== undefined)
      changes.push({ at, wanted: scaling.wanted, reason });
  }
  return { scaling, changes };
}

const start = startScaling(settings);

describe("scaling", () => {
  test("tasks that wait too long while all slots are taken bring more replicas, with the reason", () => {
    const { changes } = show(start, () => seen(), 2_000);
    assert.equal(changes[0]?.wanted, 2);
    assert.equal(
      changes[0]?.reason,
      '100 tasks of "writer" wait, the oldest for 2s, and 16 of 16 slots are taken',
    );
  });

  test("it grows no faster than to twice as many, and only when those before serve", () => {
    const starting = show(start, () => seen({ serving: 1 }), 60_000);
    assert.deepEqual(
      starting.changes.map(({ wanted }) => wanted),
      [2],
    );
    const prompt = show(
      start,
      ({ wanted }) =>
        seen({
          serving: wanted,
          agents: [{ ...full, inHand: wanted * 16, slots: wanted * 16 }],
        }),
      60_000,
    );
    assert.deepEqual(
      prompt.changes.map(({ wanted }) => wanted),
      [2, 4, 8],
    );
  });

  test("a moment of waiting is no reason", () => {
    const moment = show(start, () => seen(), 1_000);
    assert.deepEqual(moment.changes, []);
    const calm = { ...full, waiting: 0, oldestWaitMs: 0 };
    const over = show(
      moment.scaling,
      () => seen({ agents: [calm] }),
      0,
      settings,
      1_500,
    );
    const again = show(over.scaling, () => seen(), 1_000, settings, 2_000);
    assert.deepEqual(again.changes, []);
  });

  test("where slots are free, tasks wait for something that more replicas would not bring", () => {
    const free = { ...full, inHand: 4 };
    const { changes } = show(start, () => seen({ agents: [free] }), 20_000);
    assert.deepEqual(changes, []);
  });

  test("a task that will wait too long counts before it has", () => {
    const soon = { ...full, oldestWaitMs: 100, waiting: 500, rate: 50 };
    const { changes } = show(start, () => seen({ agents: [soon] }), 3_000);
    assert.equal(changes[0]?.wanted, 2);
    const quick = { ...soon, rate: 5_000 };
    assert.deepEqual(
      show(start, () => seen({ agents: [quick] }), 20_000).changes,
      [],
    );
  });

  test("busy event loops bring more replicas, until the cores are used up", () => {
    const slots = { ...full, inHand: 3 };
    const busy = { agents: [slots], loop: 0.97 };
    const room = show(start, () => seen({ ...busy, cpu: 1 }), 3_000);
    assert.match(room.changes[0]?.reason ?? "", /event loops are 97% busy/);
    const none = show(start, () => seen({ ...busy, cpu: 1 }), 60_000, {
      ...settings,
      cores: 1,
    });
    assert.deepEqual(none.changes, []);
  });

  test("no more replicas than there are tasks", () => {
    const few = { ...full, waiting: 1, inHand: 2, slots: 2, rate: 0 };
    const { changes } = show(
      { ...start, wanted: 2 },
      ({ wanted }) => seen({ agents: [few], serving: wanted }),
      2_000,
    );
    assert.equal(changes[0]?.wanted, 3);
  });

  test("of two agents in one process, the one that has no room counts", () => {
    const idle = { ...full, agent: "idle", waiting: 0, inHand: 0 };
    const { changes } = show(
      start,
      () => seen({ agents: [idle, full] }),
      2_000,
    );
    assert.match(changes[0]?.reason ?? "", /of "writer"/);
  });

  test("replicas that were not needed for all of the idle time go, not a moment before", () => {
    const quiet = { ...full, waiting: 0, oldestWaitMs: 0, inHand: 1 };
    const calm = (scaling: Scaling) =>
      seen({
        serving: scaling.wanted,
        agents: [{ ...quiet, slots: scaling.wanted * 16 }],
        loop: 0.01,
      });
    const from = { ...start, wanted: 6 };
    assert.deepEqual(show(from, calm, 29_500).changes, []);
    const { changes } = show(from, calm, 30_000);
    assert.equal(changes[0]?.wanted, 1);
    assert.match(changes[0]?.reason ?? "", /enough for the last 30s/);
  });

  test("one busy moment within the idle time keeps them", () => {
    const at = (inHand: number) =>
      seen({
        serving: 4,
        agents: [{ ...full, waiting: 0, oldestWaitMs: 0, inHand, slots: 64 }],
      });
    const from = { ...start, wanted: 4 };
    const calm = show(from, () => at(0), 20_000);
    const peak = show(calm.scaling, () => at(40), 500, settings, 20_500);
    const later = show(peak.scaling, () => at(0), 29_000, settings, 21_500);
    assert.deepEqual(later.changes, []);
  });

  test("nothing is concluded while replicas are starting, or all are dead", () => {
    const dead = () => seen({ serving: 0, agents: [] });
    const { changes } = show({ ...start, wanted: 4 }, dead, 120_000);
    assert.deepEqual(changes, []);
  });
});

const anything: fc.Arbitrary<Observation> = fc.record({
  at: fc.constant(0),
  agents: fc.array(
    fc.record({
      agent: fc.constantFrom("a", "b"),
      waiting: fc.nat(1_000_000),
      oldestWaitMs: fc.nat(10_000_000),
      inHand: fc.nat(10_000),
      slots: fc.nat(10_000),
      rate: fc.double({ min: 0, max: 100_000, noNaN: true }),
    }),
    { maxLength: 3 },
  ),
  serving: fc.nat(20),
  loop: fc.double({ min: 0, max: 1, noNaN: true }),
  cpu: fc.double({ min: 0, max: 64, noNaN: true }),
});

/** A crew that serves a steady stream of tasks: those that it cannot take in time pile up. */
function simulate(
  load: { arrivals: number; taskMs: number; slots: number },
  by: ScalingSettings,
  forMs: number,
) {
  let scaling = startScaling(by);
  let [queue, serving] = [0, scaling.wanted];
  const changes: { at: number; from: number; to: number }[] = [];
  for (let at = 0; at < forMs; at += stepMs) {
    const slots = serving * load.slots;
    const capacity = (slots / load.taskMs) * 1_000; // tasks a second
    const offered = queue + (load.arrivals * stepMs) / 1_000;
    const done = Math.min(offered, (capacity * stepMs) / 1_000);
    queue = offered - done;
    const rate = (done / stepMs) * 1_000;
    const inHand = Math.min(slots, Math.ceil((rate * load.taskMs) / 1_000));
    const waiting = Math.floor(queue);
    const oldestWaitMs = rate === 0 ? 0 : (queue / rate) * 1_000;
    const agents = [{ agent: "a", waiting, oldestWaitMs, inHand, slots, rate }];
    const seenNow = { at, agents, serving, loop: 0, cpu: 0 };
    const from = scaling.wanted;
    scaling = decide(scaling, seenNow, by).scaling;
    if (scaling.wanted !== from) changes.push({ at, from, to: scaling.wanted });
    serving = scaling.wanted;
  }
  return { changes, wanted: scaling.wanted, queue };
}

const bounds = fc
  .tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 20 }))
  .map(([least, more]) => ({ ...settings, least, most: least + more }));

describe("scaling, whatever comes", () => {
  test("the number never leaves its bounds, and each change has a reason", () =>
    fc.assert(
      fc.property(
        bounds,
        fc.array(fc.tuple(anything, fc.nat(60_000)), { maxLength: 60 }),
        (by, shown) => {
          let scaling = startScaling(by);
          let at = 0;
          for (const [what, later] of shown) {
            at += later;
            const before = scaling.wanted;
            const decision = decide(scaling, { ...what, at }, by);
            scaling = decision.scaling;
            assert.ok(scaling.wanted >= by.least && scaling.wanted <= by.most);
            assert.ok(Number.isInteger(scaling.wanted));
            assert.equal(
              decision.reason !== undefined,
              scaling.wanted !== before,
            );
          }
        },
      ),
    ));

  test("fewer never comes sooner than the idle time after any change", () =>
    fc.assert(
      fc.property(
        bounds,
        fc.array(fc.tuple(anything, fc.nat(5_000)), { maxLength: 100 }),
        (by, shown) => {
          let scaling = startScaling(by);
          let [at, changedAt] = [0, 0];
          for (const [what, later] of shown) {
            at += later;
            const before = scaling.wanted;
            scaling = decide(scaling, { ...what, at }, by).scaling;
            if (scaling.wanted < before)
              assert.ok(at - changedAt >= by.idleMs, `${at} ${changedAt}`);
            if (scaling.wanted !== before) changedAt = at;
          }
        },
      ),
    ));

  test("a steady load is served by a number that settles, without going up and down", () =>
    fc.assert(
      fc.property(
        fc.record({
          arrivals: fc.double({ min: 0, max: 500, noNaN: true }),
          taskMs: fc.integer({ min: 5, max: 20_000 }),
          slots: fc.integer({ min: 1, max: 64 }),
        }),
        bounds,
        (load, by) => {
          const { changes, wanted, queue } = simulate(load, by, 1_800_000);
          const late = changes.filter(({ at }) => at > 900_000);
          assert.deepEqual(late, [], "changes after it should have settled");
          let turns = 0;
          for (let n = 1; n < changes.length; n++)
            if (
              Math.sign(changes[n]!.to - changes[n]!.from) !==
              Math.sign(changes[n - 1]!.to - changes[n - 1]!.from)
            )
              turns++;
          assert.ok(turns <= 2, `it turned ${turns} times`);
          if (wanted < by.most && load.arrivals > 0)
            assert.ok(queue / load.arrivals < 600, "tasks pile up");
        },
      ),
      { numRuns: 200 },
    ));
});
