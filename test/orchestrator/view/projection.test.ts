import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LogEntry } from "../../../bus/history/log-feed.js";
import { taskIdOf } from "../../../orchestrator/view/fact.js";
import { Projection } from "../../../orchestrator/view/projection.js";
import { TroupeError } from "../../../protocol/errors.js";
import {
  attemptBody,
  completedBody,
  endedBody,
  eventHeaders,
  startedBody,
} from "../../../protocol/task-event-bodies.js";

const prefix = "troupe.event.task.";
const facts = {
  contentType: "msgpack",
  attempt: 1,
  sender: "i1",
  context: "c",
} as const;
const params = { name: "headline", arguments: { text: "x" } };
const error = new TroupeError("HANDLER_FAILED", "it broke");

const bodies = {
  started: (id: string) => startedBody(id, "msgpack"),
  attempt: (id: string) =>
    attemptBody(id, { attempt: 1, error, retryAt: 5_000 }, "msgpack"),
  completed: (id: string) => completedBody(id, { ok: true }, params, "msgpack"),
  failed: (id: string) => endedBody(id, error, params, "msgpack"),
};
type Kind = keyof typeof bodies;

function entry(sequence: number, kind: Kind, taskId = "t"): LogEntry {
  const stored = kind === "started" || kind === "attempt" ? kind : "end";
  return {
    subject: `${prefix}writer.${taskId}.${stored}.origin`,
    sequence,
    at: 1_000 + sequence,
    headers: eventHeaders(`task.${kind}`, { ...facts, tookMs: sequence }),
    body: bodies[kind](taskId),
  };
}

function foldAll(entries: readonly LogEntry[], window: number, to = 0) {
  const projection = new Projection(window, to, prefix);
  for (const each of entries) projection.fold(each);
  return projection;
}

const contentOf = (projection: Projection) => ({
  from: projection.from,
  to: projection.to,
  facts: [...projection.oldestFirst()],
  open: [...projection.open()].toSorted(
    (one, other) => one[0]!.sequence - other[0]!.sequence,
  ),
});

test("an event is remembered with all that is looked for, and without input and output", () => {
  const projection = foldAll([entry(1, "attempt"), entry(2, "failed")], 10);
  const [attempt, end] = [...projection.oldestFirst()];
  assert.deepEqual(
    [attempt?.kind, attempt?.error, attempt?.retryAt],
    ["attempt", "it broke", 5_000],
  );
  assert.deepEqual(end, {
    key: "writer.t",
    agent: "writer",
    kind: "failed",
    sequence: 2,
    at: 1_002,
    skill: "headline",
    lane: "main",
    level: "normal",
    attempt: 1,
    tookMs: 2,
    context: "c",
    instance: "i1",
    code: "HANDLER_FAILED",
    error: "it broke",
    retryAt: undefined,
  });
  assert.equal(taskIdOf(end), "t");
});

test("whoever folds the same part of the log holds the same, whatever was folded and forgotten before", () => {
  const kinds = ["started", "attempt", "completed", "failed"] as const;
  const step = fc.tuple(
    fc.constantFrom<Kind>(...kinds),
    fc.constantFrom("a", "b", "c", "d"),
    fc.integer({ min: 1, max: 3 }),
  );
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 30 }), (events, window) => {
      let sequence = 0;
      const entries = events.map(([kind, id, gap]) =>
        entry((sequence += gap), kind, id),
      );
      const long = foldAll(entries, window);
      const from = Math.max(1, sequence - window + 1);
      const newest = entries.filter((each) => each.sequence >= from);
      const fresh = foldAll(newest, window, from - 1);
      fresh.covers(1, sequence);
      assert.deepEqual(contentOf(long), contentOf(fresh));
    }),
  );
});

test("what the log has dropped is forgotten", () => {
  const entries = [1, 2, 3, 4].map((at) => entry(at, "completed", `t${at}`));
  const projection = foldAll(entries, 100);
  projection.covers(3, 9);
  assert.deepEqual(
    [...projection.newestFirst()].map(({ sequence }) => sequence),
    [4, 3],
  );
  assert.deepEqual([projection.from, projection.to], [3, 9]);
  assert.deepEqual(projection.traceOf("writer.t1"), []);
});

test("memory is bounded by the window, however much is folded", () => {
  const projection = new Projection(1_000, 0, prefix);
  for (let at = 1; at <= 20_000; at++)
    projection.fold(entry(at, at % 2 ? "started" : "completed", `t${at >> 1}`));
  assert.equal(projection.size, 1_000);
  assert.equal(projection.from, 19_001);
  assert.deepEqual(projection.traceOf("writer.t5"), []);
});

test("an entry that cannot be read is left out, and the next one is folded", () => {
  const projection = new Projection(10, 0, prefix);
  const bad = { ...entry(1, "completed"), body: Buffer.from("{") };
  assert.throws(() => projection.fold(bad), { code: "MESSAGE_UNREADABLE" });
  projection.fold(entry(2, "completed"));
  assert.deepEqual([projection.to, projection.size], [2, 1]);
});

test("events of agents take their places and are none of a task's", () => {
  const projection = new Projection(10, 0, prefix);
  const subject = "troupe.event.agent.writer.i1.lost";
  projection.fold({ ...entry(1, "completed"), subject });
  assert.deepEqual([projection.to, projection.size], [1, 0]);
});
