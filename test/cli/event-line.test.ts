import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine } from "../../cli/event-line.js";
import { TroupeError } from "../../protocol/errors.js";
import { Output } from "../../cli/output.js";

/** What stands behind its time, kind, agent and instance. */
function said(kind: string, data: Record<string, unknown>): string {
  const event = { agent: "shop", instance: "-", kind, data, at: new Date() };
  return eventLine(event, new Output(false)).split("agent").at(-1)!.trim();
}

test("an event of an agent tells durations, moments and sizes as people write them", () => {
  const until = new Date(2030, 0, 31, 12, 0, 5).getTime();
  assert.equal(
    said("breaker-opened", { skill: "buy", withinMs: 60_000, until }),
    "skill buy, within 1m, until 2030-01-31 12:00:05",
  );
  assert.equal(
    said("throttled", { limit: 5, perMs: 1_000 }),
    "limit 5, per 1s",
  );
  assert.equal(
    said("started", { startedAt: new Date(until).toISOString() }),
    "startedAt 2030-01-31 12:00:05",
  );
  assert.equal(
    said("near-limit", { of: "bytes", used: 900_000, limit: 1_048_576 }),
    "of bytes, used 878.9 KiB, limit 1.0 MiB",
  );
  assert.equal(
    said("near-limit", { of: "messages", used: 90, limit: 100 }),
    "of messages, used 90, limit 100",
  );
});

test("weights stand as they are given to a split, and lists without brackets", () => {
  assert.equal(
    said("lanes", { action: "split", weights: { main: 90, canary: 10 } }),
    "action split, weights main=90 canary=10",
  );
  assert.equal(
    said("lanes", { action: "clear", weights: {} }),
    "action clear, weights none",
  );
  assert.equal(said("card-conflict", { skills: ["a", "b"] }), "skills a b");
});

test("what others write under these names is told as it is", () => {
  assert.equal(
    said("sang", { until: "noon", forMs: "long", at: null, deep: { a: [1] } }),
    'until noon, forMs long, at null, deep {"a":[1]}',
  );
});

test("an attempt that is parked waits, and one that a stopping worker gives back is given back", () => {
  const at = new Date();
  const told = (message: string) => {
    const error = new TroupeError("WORKER_STOPPING", message);
    const task = { taskId: "t", agent: "shop", attempt: 2, sequence: 1 };
    const event = { ...task, kind: "returned" as const, at, error };
    return eventLine(event, new Output(false));
  };
  assert.match(
    told('it waits for signal "paid"'),
    / {2}attempt 2 waits for signal "paid"$/,
  );
  assert.match(
    told("the worker stops"),
    / {2}attempt 2 given back, WORKER_STOPPING: the worker stops$/,
  );
});
