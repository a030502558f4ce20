import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TroupeError } from "../../protocol/errors.js";
import type { ContentType, Headers } from "../../protocol/headers.js";
import { subjectsOf } from "../../protocol/subjects.js";
import { terminalStates, typeOfState } from "../../protocol/task.js";
import { parseOutcome } from "../../protocol/outcome.js";
import {
  attemptBody,
  completedBody,
  endedBody,
  eventHeaders,
  progressBody,
  returnedBody,
  startedBody,
} from "../../protocol/task-event-bodies.js";
import { parseProgress, parseTaskEvent } from "../../protocol/task-events.js";
import { jsonValue as value } from "../support/json-value.js";

const format = fc.constantFrom<ContentType>("msgpack", "json");
const facts = (contentType: ContentType) => ({
  contentType,
  attempt: 3,
  sender: "instance-1",
  context: "c ü",
});
const subject = (kind: string) =>
  subjectsOf("troupe").taskEvent({
    agent: "wri ter",
    taskId: "t.1",
    kind,
    origin: "o",
  });
const place = { sequence: 7, at: new Date(1_700_000_000_000) };
const known = {
  taskId: "t.1",
  agent: "wri ter",
  attempt: 3,
  instance: "instance-1",
  context: "c ü",
};

test("a completed task's event tells input and output, in both formats", () => {
  fc.assert(
    fc.property(format, value, value, (contentType, input, output) => {
      const params = { name: "headline", arguments: input };
      const body = completedBody("t.1", output, params, contentType);
      const headers = eventHeaders("task.completed", facts(contentType), 0);
      assert.equal(headers.expectedLastSubjectSequence, "0");
      assert.deepEqual(parseOutcome(body), {
        state: "completed",
        output,
      });
      assert.deepEqual(parseTaskEvent(subject("end"), headers, body, place), {
        ...known,
        ...place,
        kind: "completed",
        skill: "headline",
        input,
        output,
      });
    }),
  );
});

test("an ended task's event tells input and error, whichever end it was", () => {
  const states = terminalStates.filter((state) => state !== "completed");
  fc.assert(
    fc.property(
      format,
      value,
      fc.constantFrom(...states),
      (contentType, input, state) => {
        const error = new TroupeError("DEADLINE_PASSED", "too late");
        const params = { name: "headline", arguments: input };
        const body = endedBody("t.1", error, params, contentType);
        const headers = eventHeaders(typeOfState(state), facts(contentType));
        const event = parseTaskEvent(subject("end"), headers, body);
        assert.equal(event.kind, state);
        assert.equal(event.skill, "headline");
        assert.deepEqual(event.input, input);
        assert.equal(event.error?.code, "DEADLINE_PASSED");
        assert.equal(event.error.message, "too late");
      },
    ),
  );
});

test("a failed attempt's event tells why and when the next begins", () => {
  const error = new TroupeError("TIMED_OUT", "slow");
  const body = attemptBody("t.1", { attempt: 3, error, retryAt: 1234 }, "json");
  const headers = eventHeaders("task.attempt", facts("json"));
  const { error: seen, ...event } = parseTaskEvent(
    subject("attempt"),
    headers,
    body,
    place,
  );
  assert.deepEqual(event, {
    ...known,
    ...place,
    kind: "attempt",
    retryAt: new Date(1234),
  });
  assert.equal(seen?.code, "TIMED_OUT");
});

test("an attempt that was given back tells why", () => {
  const error = new TroupeError("WORKER_STOPPING", "it stops");
  const headers = eventHeaders("task.returned", facts("json"));
  const { error: seen, ...event } = parseTaskEvent(
    subject("returned"),
    headers,
    returnedBody("t.1", error, "json"),
  );
  assert.deepEqual(event, { ...known, kind: "returned" });
  assert.deepEqual(
    [seen?.code, seen?.message],
    ["WORKER_STOPPING", "it stops"],
  );
});

test("a start's event tells who started", () => {
  const headers = eventHeaders("task.started", facts("msgpack"));
  assert.deepEqual(
    parseTaskEvent(subject("started"), headers, startedBody("t.1", "msgpack")),
    { ...known, kind: "started" },
  );
});

test("progress comes as it was sent", () => {
  fc.assert(
    fc.property(format, value, (contentType, data) => {
      const progress = { progress: 3, total: 4, message: "nearly", data };
      const body = progressBody("t.1", progress, contentType);
      const headers: Headers = { attempt: "2" };
      assert.deepEqual(parseProgress("writer", "t.1", headers, body), {
        taskId: "t.1",
        agent: "writer",
        kind: "progress",
        attempt: 2,
        progress,
      });
    }),
  );
});

test("what is no end of a task is refused as unreadable", () => {
  for (const body of ["{}", "no message", '{"result":1}', '{"error":{}}', "1"])
    assert.throws(() => parseOutcome(Buffer.from(body)), {
      code: "MESSAGE_UNREADABLE",
    });
});
