import assert from "node:assert/strict";
import { test } from "node:test";
import {
  stateAfter,
  terminalStates,
  type TaskEvent,
} from "../../protocol/task.js";
import { taskLifecycle } from "../../protocol/task.machine.js";

const after = (...kinds: TaskEvent["kind"][]) =>
  stateAfter(kinds.map((kind) => ({ kind })));

test("a task is submitted until it is handed out, and works through failures, returns and redeliveries", () => {
  assert.equal(after(), "submitted");
  assert.equal(stateAfter([], true), "working");
  assert.equal(after("attempt"), "working");
  assert.equal(after("started", "returned"), "working");
  assert.equal(after("fallback"), "working");
  assert.equal(after("attempt", "started", "completed"), "completed");
});

test("the first end stands, whatever is told later (R2)", () => {
  for (const first of terminalStates)
    for (const later of [...terminalStates, "started", "attempt"] as const)
      assert.equal(after("started", first, later), first);
});

test("a task that nobody has begun can be canceled, expire, and be refused", () => {
  for (const end of terminalStates) assert.equal(after(end), end);
});

test("one that asks for something goes on when it gets it", () => {
  const asks = taskLifecycle.begin();
  asks.send("delivered");
  asks.send("input-required");
  assert.equal(asks.state, "input-required");
  asks.send("progress");
  assert.equal(asks.state, "working");
  asks.send("auth-required");
  asks.send("canceled");
  assert.equal(asks.state, "canceled");
});

test("the states that are called terminal are the machine's last", () => {
  const finals = taskLifecycle.places.filter(({ final }) => final);
  assert.deepEqual(
    finals.map(({ name }) => name).sort(),
    [...terminalStates].sort(),
  );
});
