// What a task that is asleep waits for, as people read it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parkedText, waitText } from "../../cli/wait-text.js";

const dueAt = new Date(2030, 0, 31, 12);

test("a wait for somebody does not tell of the time that another wait ends by", () => {
  const waitsFor = 'signal "paid", or 2030-02-03T12:00:00.000Z';
  assert.equal(
    waitText({ waitsFor, dueAt }),
    'waits for signal "paid" until 2030-01-31 12:00:00',
  );
});

test("several sleeps are one, until the first of them is over", () => {
  const waitsFor = "2030-01-31T12:00:00.000Z, or 2030-02-03T12:00:00.000Z";
  assert.equal(
    waitText({ waitsFor, dueAt }),
    "sleeps until 2030-01-31 12:00:00",
  );
});

test("what has just left its worker waits or sleeps, in local time", () => {
  const date = dueAt.toISOString();
  assert.equal(parkedText(date), "sleeps until 2030-01-31 12:00:00");
  assert.equal(
    parkedText(`signal "a", or ${date}`),
    'waits for signal "a", or 2030-01-31 12:00:00',
  );
});
