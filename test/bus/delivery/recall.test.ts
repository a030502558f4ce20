import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recollect } from "../../../bus/delivery/recall.js";
import { terminalStates, type TaskEvent } from "../../../protocol/task.js";

const event = (kind: TaskEvent["kind"], attempt: number): TaskEvent => ({
  taskId: "t",
  agent: "a",
  kind,
  attempt,
});

test("a redelivery without a trace is the second attempt, for the first start is not on the log", () => {
  const { events, ...past } = recollect([], true);
  assert.deepEqual(events, []);
  assert.deepEqual(past, {
    ended: false,
    failures: 0,
    crashes: 0,
    firstUnknown: true,
    attempt: 2,
  });
});

test("an attempt that failed is a failure, one that left no end is a crash", () => {
  const past = recollect(
    [
      event("attempt", 1),
      event("started", 2),
      event("attempt", 2),
      event("started", 3),
      event("started", 4),
    ],
    true,
  );
  assert.equal(past.failures, 2);
  assert.equal(past.crashes, 2);
  assert.equal(past.attempt, 5);
  assert.equal(past.ended, false);
  assert.equal(past.firstUnknown, false);
});

test("an attempt that was given back is neither a failure nor a crash, and has its number", () => {
  const past = recollect(
    [event("started", 2), event("returned", 2), event("started", 3)],
    true,
  );
  const { failures, crashes, attempt, ended } = past;
  assert.deepEqual([failures, crashes, attempt, ended], [0, 1, 4, false]);
  assert.equal(past.firstUnknown, true);
});

test("failures from before a task went on with another input do not count, but their attempts have their numbers", () => {
  const at = (time: number) => ({ at: new Date(time) });
  const events = [1, 2, 3].map((n) => ({
    ...event("attempt", n),
    ...at(n * 100),
  }));
  const past = recollect(events, true, 250, 250);
  assert.deepEqual([past.failures, past.crashes, past.attempt], [1, 0, 4]);
});

test("a message that may be known and has left no trace is a first attempt", () => {
  assert.equal(recollect([], false).attempt, 1);
  assert.equal(recollect([event("attempt", 1)], false).attempt, 2);
  assert.equal(recollect([event("completed", 1)], false).ended, true);
});

test("a task has ended with any terminal event", () => {
  for (const state of terminalStates)
    assert.equal(
      recollect([event("attempt", 1), event(state, 2)], true).ended,
      true,
    );
});

test("an event that is stored twice, after a broken connection, counts once", () => {
  const kind = fc.constantFrom("attempt", "started", "returned");
  const events = fc.array(
    fc.tuple(kind, fc.integer({ min: 1, max: 9 })).map(([k, n]) => event(k, n)),
  );
  fc.assert(
    fc.property(events, (once) => {
      const { events: _once, ...past } = recollect(once, true);
      const { events: _twice, ...again } = recollect([...once, ...once], true);
      assert.deepEqual(again, past);
    }),
  );
});

test("crashes before its handler last got something done do not count", () => {
  const at = (kind: TaskEvent["kind"], attempt: number, ms: number) => ({
    ...event(kind, attempt),
    at: new Date(ms),
  });
  const events = [
    at("started", 2, 100),
    at("started", 3, 200),
    at("started", 4, 300),
  ];
  assert.equal(recollect(events, true).crashes, 3);
  assert.equal(recollect(events, true, 250).crashes, 1);
  assert.equal(recollect(events, true, 250).attempt, 5);
});
