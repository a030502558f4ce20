import assert from "node:assert/strict";
import { test } from "node:test";
import { goOnAfter, graceMs, takeDue } from "../../protocol/due-firings.js";
import { firingId, type ScheduleRecord } from "../../protocol/schedule.js";

const start = Date.parse("2026-11-20T03:00:00Z");
const second = 1_000;

function record(more: Partial<ScheduleRecord> = {}, catchUp = 0) {
  return {
    name: "tick",
    definition: {
      timing: { everyMs: second },
      agent: "a",
      skill: "s",
      catchUp,
    },
    anchor: start,
    next: start,
    pending: [],
    ...more,
  } satisfies ScheduleRecord;
}

const seconds = (...counts: number[]) =>
  counts.map((count) => start + count * second);

test("what is due is taken, and the one after it is next", () => {
  const taken = takeDue(record(), start + 5);
  assert.deepEqual(taken?.pending, seconds(0));
  assert.equal(taken.next, start + second);
});

test("nothing is taken before its time, while it is paused, where there is no next, or before the last is done", () => {
  assert.equal(takeDue(record(), start - 1), undefined);
  const paused = { since: start };
  assert.equal(takeDue(record({ paused }), start), undefined);
  const { next: _none, ...over } = record();
  assert.equal(takeDue(over, start), undefined);
  assert.equal(takeDue(record({ pending: [start] }), start), undefined);
});

test("what is late and not missed is taken, one after another, also where missed ones are skipped", () => {
  const taken = takeDue(record(), start + 3 * second + 1);
  assert.deepEqual(taken?.pending, seconds(0, 1, 2, 3));
  assert.equal(taken.leftOut, undefined);
});

test("of what was missed, none is taken where it is skipped, and it is said what was left out", () => {
  const now = start + 1_000 * second;
  const taken = takeDue(record(), now);
  assert.equal(taken?.pending[0], now - graceMs);
  assert.deepEqual(taken.leftOut, { from: start, before: now - graceMs });
  const timing = { cron: "0 3 * * *", timeZone: "UTC" };
  const daily = { ...record(), definition: { ...record().definition, timing } };
  const later = takeDue(daily, start + 60_000);
  assert.deepEqual(later?.pending, []);
  assert.equal(later.next, start + 86_400_000);
});

test("of what was missed, the newest are caught up with, in order, a part at a time", () => {
  let state: ScheduleRecord = record({}, 450);
  const now = start + 1_000 * second;
  const all: number[] = [];
  for (let parts = 0; parts < 10; parts++) {
    const taken = takeDue(state, now);
    if (!taken) break;
    assert.ok(taken.pending.length <= 200);
    all.push(...taken.pending);
    state = { ...taken, pending: [] };
  }
  const first = now - graceMs - 450 * second;
  const expected = Array.from({ length: 481 }, (_, at) => first + at * second);
  assert.deepEqual(all, expected);
  assert.equal(state.next, now + second);
});

test("the last firing before the end leaves no next", () => {
  const { definition } = record();
  const last = record({ definition: { ...definition, until: start } });
  const taken = takeDue(last, start);
  assert.deepEqual(taken?.pending, seconds(0));
  assert.equal("next" in taken, false);
});

test("a schedule that goes on does so after the moment, and never with a firing that it has had", () => {
  assert.equal(goOnAfter(record(), start + 1).next, start + second);
  const last = { at: start + 5 * second, taskId: "x" };
  assert.equal(goOnAfter(record({ last }), start).next, start + 6 * second);
});

test("a firing's id is its name and its time, to the second where that is all", () => {
  assert.equal(firingId("nightly", start), "nightly@2026-11-20T03:00:00Z");
  assert.equal(firingId("a", start + 500), "a@2026-11-20T03:00:00.500Z");
});
