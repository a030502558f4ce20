// That the machine is what its table says, test/machines.test.ts shows; here, what the rest relies on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { orchestratorLifecycle } from "../../orchestrator/orchestrator.machine.js";

const after = (...events: string[]) => orchestratorLifecycle.fold(events);

test("it neither answers nor leads before it has recovered, whatever it is given meanwhile", () => {
  assert.equal(after("opened"), "recovering");
  assert.equal(after("opened", "taken"), "recovering");
  assert.equal(after("opened", "recovered"), "standby");
});

test("it leads from the lease's taking to its loss, again and again", () => {
  const once = ["opened", "recovered", "taken"];
  assert.equal(after(...once), "leading");
  assert.equal(after(...once, "taken"), "leading");
  assert.equal(after(...once, "lost"), "standby");
  assert.equal(after(...once, "lost", "lost", "taken"), "leading");
});

test("a log that turns out to be another is folded anew, whether it leads or not", () => {
  assert.equal(after("opened", "recovered", "cut"), "recovering");
  assert.equal(after("opened", "recovered", "taken", "cut"), "recovering");
});

test("it can be stopped in every state, and then does nothing but end", () => {
  for (const { name, final, next } of orchestratorLifecycle.places)
    if (!final && name !== "draining")
      assert.equal(next["stop"]?.name, "draining", name);
  const stopped = ["opened", "recovered", "taken", "stop"];
  assert.equal(after(...stopped, "taken", "lost", "cut"), "draining");
  assert.equal(after(...stopped, "drained", "opened", "taken"), "stopped");
});
