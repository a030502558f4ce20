import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  closedBreaker,
  stepBreaker,
  type BreakerEvent,
  type BreakerState,
} from "../../../workers/limits/breaker.machine.js";

const rules = {
  failures: 3,
  withinMs: 1_000,
  restMs: 500,
  probes: 2,
  probeMs: 200,
};

function after(...events: BreakerEvent[]): BreakerState {
  return events.reduce(
    (state, event) => stepBreaker(state, rules, event),
    closedBreaker,
  );
}
const failed = (at: number, probe?: string): BreakerEvent => ({
  type: "failed",
  at,
  probe,
});
const asked = (at: number, probe: string): BreakerEvent => ({
  type: "asked",
  at,
  probe,
});
const succeeded = (at: number, probe: string): BreakerEvent => ({
  type: "succeeded",
  at,
  probe,
});
const opened = [failed(0), failed(1), failed(2)];

test("it opens at the failure that makes them too many", () => {
  assert.equal(after(failed(0), failed(1)).is, "closed");
  const open = after(...opened);
  assert.equal(open.is, "open");
  assert.equal(open.openedAt, 2);
});

test("failures that are too old do not count, and no more are kept than count", () => {
  assert.equal(after(failed(0), failed(900), failed(1_001)).is, "closed");
  assert.deepEqual(after(failed(0), failed(5_000)).failures, [5_000]);
});

test("successes do not make up for failures", () => {
  const state = after(failed(0), failed(1), succeeded(2, "x"), failed(3));
  assert.equal(state.is, "open");
});

test("while it rests nobody passes, and how tasks end is ignored", () => {
  const open = after(...opened);
  for (const event of [asked(501, "a"), failed(10), succeeded(11, "a")])
    assert.deepEqual(stepBreaker(open, rules, event), open);
});

test("after the rest as many probes pass as it says, and no more", () => {
  const state = after(
    ...opened,
    asked(502, "a"),
    asked(503, "b"),
    asked(504, "c"),
  );
  assert.equal(state.is, "half-open");
  assert.deepEqual(
    state.probes.map(({ id }) => id),
    ["a", "b"],
  );
});

test("it closes when all probes went well, and has forgotten what was", () => {
  const half = [...opened, asked(502, "a"), asked(503, "b")];
  assert.equal(after(...half, succeeded(510, "a")).is, "half-open");
  assert.deepEqual(
    after(...half, succeeded(510, "a"), succeeded(511, "b")),
    closedBreaker,
  );
});

test("while it is half open only probes tell: others' ends are ignored, and a success does not make room for more", () => {
  const half = [...opened, asked(502, "a"), asked(503, "b")];
  assert.equal(after(...half, failed(510), failed(511, "z")).is, "half-open");
  const state = after(...half, succeeded(510, "a"), asked(511, "c"));
  assert.deepEqual(
    state.probes.map(({ id }) => id),
    ["b"],
  );
});

test("a probe that fails opens it for another rest", () => {
  const state = after(...opened, asked(502, "a"), failed(600, "a"));
  assert.equal(state.is, "open");
  assert.equal(state.openedAt, 600);
  assert.deepEqual(state.probes, []);
});

test("a probe that is abandoned, or not heard of, makes room for another; one that asks again keeps its place", () => {
  const half = [...opened, asked(502, "a"), asked(503, "b")];
  const ids = (...more: BreakerEvent[]) =>
    after(...half, ...more).probes.map(({ id }) => id);
  assert.deepEqual(
    ids({ type: "abandoned", at: 510, probe: "a" }, asked(511, "c")),
    ["b", "c"],
  );
  assert.deepEqual(ids(asked(600, "b"), asked(703, "c")), ["b", "c"]);
});

test("whatever happens: no more probes than allowed, nothing passes before the rest is over, and the state stays small", () => {
  const id = fc.constantFrom("a", "b", "c", "d");
  const event = fc.record({
    type: fc.constantFrom("failed", "succeeded", "abandoned", "asked"),
    probe: fc.option(id, { nil: undefined }),
    afterMs: fc.nat(300),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let at = 0;
      let state = closedBreaker;
      for (const { type, probe, afterMs } of events) {
        at += afterMs;
        const before = state;
        state = stepBreaker(state, rules, {
          type,
          at,
          probe: probe ?? "x",
        });
        assert.ok(state.probes.length + state.succeeded <= rules.probes);
        assert.ok(state.failures.length < rules.failures);
        if (before.is === "open" && state.is === "half-open")
          assert.ok(at - before.openedAt >= rules.restMs);
        if (state.is !== "half-open") assert.deepEqual(state.probes, []);
      }
    }),
  );
});
