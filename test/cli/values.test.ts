import assert from "node:assert/strict";
import { test } from "node:test";
import { fits, toDuration, toKinds } from "../../cli/values.js";
import { agentEventKinds } from "../../protocol/agent-events.js";

const ofAgent = (kind: string) => ({
  agent: "shop",
  instance: "i",
  kind,
  data: {},
});
const ofTask = (kind: "started" | "failed") => ({
  agent: "shop",
  taskId: "t",
  kind,
});

test("a kind of event is a task's, an agent's, or agent for all of these", () => {
  assert.ok(fits(toKinds(["failed"]), ofTask("failed")));
  assert.ok(!fits(toKinds(["failed"]), ofAgent("lost")));
  for (const kind of agentEventKinds) {
    assert.ok(fits(toKinds(["agent"]), ofAgent(kind)), kind);
    assert.ok(fits([], ofAgent(kind)), kind);
    assert.equal(fits(toKinds([kind]), ofAgent(kind)), kind !== "started");
  }
  assert.ok(fits(toKinds(["agent"]), ofAgent("of a newer version")));
  assert.ok(fits(toKinds(["started"]), ofTask("started")));
});

test("an unknown kind is refused with those that there are", () => {
  assert.throws(() => toKinds(["nonsense"]), {
    code: "ARGUMENT_INVALID",
    message: /there are started, .*breaker-opened/,
  });
});

test("a duration has a unit, so that nobody who means seconds gets milliseconds", () => {
  assert.equal(toDuration("5s", "--drain"), "5s");
  assert.equal(toDuration("0", "--drain"), 0);
  for (const text of ["5", "0.5"])
    assert.throws(() => toDuration(text, "--drain"), {
      code: "ARGUMENT_INVALID",
      message: `--drain "${text}" has no unit: write ${text}s or ${text}ms`,
    });
});
