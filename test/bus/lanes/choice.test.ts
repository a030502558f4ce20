// Which lane a task goes to: known without waiting from the second task on.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Settings } from "../../../bus/buckets/settings.js";
import { LaneChoice } from "../../../bus/lanes/choice.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { TaskSpec } from "../../../protocol/task-message.js";
import { eventually } from "../../support/eventually.js";
import { doer } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const { skills } = doer((input) => input);

async function opened(t: TestContext) {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const settings = new Settings(link, new Publisher(link));
  const toCanary = () =>
    bus.lanes.split("doer", { canary: 1 }, { force: true });
  return { bus, settings, toCanary, choice: new LaneChoice(link, settings) };
}

const task = (taskId: string, more: Partial<TaskSpec> = {}): TaskSpec => ({
  taskId,
  agent: "doer",
  skill: "do",
  lane: "canary",
  level: "normal",
  input: 1,
  origin: "-",
  contentType: "msgpack",
  ...more,
});

test("only the first who names no lane waits until the split is known", async (t) => {
  const { toCanary, choice } = await opened(t);
  await toCanary();
  assert.equal(choice.know("doer", { lane: "blue" }), undefined);
  const asking = choice.know("doer", {});
  assert.ok(asking);
  assert.equal(choice.know("doer", {}), asking, "it is asked once");
  await asking;
  assert.equal(choice.know("doer", {}), undefined);
  assert.deepEqual(choice.choose("doer", { taskId: "t" }), {
    lane: "canary",
    handledIn: "canary",
  });
  assert.deepEqual(choice.choose("doer", { taskId: "t", key: "k" }), {
    lane: "main",
    handledIn: "canary",
  });
  assert.equal(choice.chooseForAsk("doer"), "canary");
});

test("a task that waits stays in its lane when it is submitted again after a split", async (t) => {
  const { bus, toCanary, choice } = await opened(t);
  await bus.submit(skills.do, 1, { id: "t1" });
  await toCanary();
  await choice.know("doer", {});
  const again = task("t1");
  await choice.stay(again);
  assert.equal(again.lane, "main");
  const other = task("t2");
  await choice.stay(other);
  assert.equal(other.lane, "canary");
  const keyed = task("t1", { key: "k" });
  await choice.stay(keyed);
  assert.equal(keyed.lane, "canary", "a key's tasks are in another place");
});

test("while the split cannot be read tasks go to main, and it is asked for again", async (t) => {
  const { settings, toCanary, choice } = await opened(t);
  await toCanary();
  const follow = settings.follow.bind(settings);
  settings.follow = () => Promise.reject(new Error("no answer"));
  await choice.know("doer", {});
  assert.equal(choice.know("doer", {}), undefined, "nobody waits for it again");
  assert.equal(choice.choose("doer", { taskId: "t" }).lane, "main");
  settings.follow = follow;
  await eventually(async () => {
    await choice.know("doer", {});
    return choice.choose("doer", { taskId: "t" }).lane === "canary";
  });
});
