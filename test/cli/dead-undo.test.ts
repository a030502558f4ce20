import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";
import { troupe } from "./command.js";

const shared = sharedServer();

test("dead show tells what still stands and what to do, and dead undo does it", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "pay now", "c"], (name) => {
      if (name === "pay now") throw new Error("the bank is closed");
      undone.push(name);
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "t1" }));
  const { url } = shared.server;
  const dead = (...args: string[]) =>
    troupe(["dead", ...args, "--url", url, "--namespace", bus.namespace]);
  const shown = (await dead("show", "t1")).stdout;
  assert.match(shown, /undone +c$/m);
  assert.match(shown, /still done +a, pay now$/m);
  assert.match(shown, /stuck at +pay now: the bank is closed$/m);
  assert.match(shown, /npx troupe dead undo t1 --skip "pay now"/);
  const { objects } = await dead("show", "t1", "--json");
  assert.deepEqual(objects[0]!["undoing"], {
    undone: ["c"],
    skipped: [],
    standing: ["a", "pay now"],
    stuck: { step: "pay now", error: "the bank is closed", attempts: 1 },
    isResolved: false,
  });
  for (const args of [[], ["--retry", "--resolve"]]) {
    const wrong = await dead("undo", "t1", ...args);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--retry, --skip STEP, or --resolve/);
  }
  const unknown = await dead("undo", "t1", "--skip", "pay");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /what stands: "a", "pay now"/);
  const skipped = await dead("undo", "t1", "--skip", "pay now", "--by", "ann");
  assert.equal(skipped.code, 0);
  assert.match(skipped.stdout, /t1 is undone further/);
  await eventually(async () => !(await letterOf(bus, "t1")));
  assert.deepEqual(undone, ["c", "a"]);
  assert.equal((await dead("undo", "t1", "--resolve")).code, 2);
});
