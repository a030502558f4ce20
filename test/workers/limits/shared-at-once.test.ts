// How instances hand permits to each other: two policies over one bucket, each with a connection of its own.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Bucket } from "../../../bus/buckets/bucket.js";
import { permitsSchema } from "../../../bus/buckets/permits.js";
import { LogicalClock } from "../../../bus/connection/logical-clock.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { SharedAtOncePolicy } from "../../../workers/limits/shared-at-once.js";
import { gate } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
/** So long that nothing is renewed or runs out while a test goes on. */
const never = 600_000;

async function instance(
  t: TestContext,
  name: string,
  { limit = 2, patienceMs = never } = {},
) {
  const stops: (() => Promise<void>)[] = [];
  t.after(() => stops[0]?.()); // before its connection is closed
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const host = {
    link,
    publisher,
    clock: new LogicalClock(link.clock),
    agent: "a",
    skill: "s",
    lane: "main",
    instance: name,
    patienceMs,
    onFree: () => undefined,
    tell: () => undefined,
  };
  const rules = { limit, by: undefined, shared: true };
  const policy = new SharedAtOncePolicy(host, rules, 0);
  stops.push(() => policy.stop());
  await policy.start();
  const isFree = () => policy.isFree("");
  const limits = link.subjects.buckets.limits;
  const bucket = new Bucket(link, publisher, limits, permitsSchema);
  /** What the bucket says that it has. */
  const share = async () =>
    (await bucket.entries()).map(({ value }) => value[name])[0];
  /** As many as wait for it enter when they may. */
  const enter = async (tasks: number) => {
    policy.wanted("", tasks);
    const leaves = [];
    for (let left = tasks; left > 0; left--) {
      await eventually(isFree, { what: `${name} to enter` });
      leaves.push(policy.enter(""));
    }
    policy.wanted("", 0);
    await eventually(async () => (await share())?.wants === tasks);
    await link.flush(); // and it has heard so
    return leaves.map((leave) => () => leave("succeeded"));
  };
  return { link, publisher, policy, isFree, share, enter };
}

/** Keeps what is published from now on back, until it may go on. */
function hold(publisher: Publisher) {
  const store = publisher.store.bind(publisher);
  const [way, on] = [gate(), gate()];
  publisher.store = async (...message) => {
    way.open();
    await on.opened;
    return store(...message);
  };
  return { isOnItsWay: way.opened, goOn: on.open };
}

test("a permit goes over as soon as its task is done, while others of the instance go on", async (t) => {
  const [one, other] = [await instance(t, "one"), await instance(t, "other")];
  const [leave] = await one.enter(2);
  const entering = other.enter(1);
  await eventually(() => other.share());
  await one.link.flush(); // it has heard that another waits
  leave!();
  await entering;
  assert.equal(one.isFree(), false);
});

test("a permit that is not used goes over when another wants it, while a long task goes on", async (t) => {
  const [one, other] = [await instance(t, "one"), await instance(t, "other")];
  const [leave] = await one.enter(2);
  leave!();
  assert.equal(one.isFree(), true);
  await other.enter(1);
  assert.equal(one.isFree(), false);
});

test("permits that nobody uses any more are given up, and their part is forgotten", async (t) => {
  const [one, other] = [await instance(t, "one"), await instance(t, "other")];
  for (const leave of await one.enter(2)) leave();
  await other.enter(2);
  assert.equal(one.isFree(), false);
  await eventually(() => one.policy.parts === 0);
});

test("who stops gives its permits back at once", async (t) => {
  const [one, other] = [await instance(t, "one"), await instance(t, "other")];
  for (const leave of await one.enter(2)) leave();
  await one.policy.stop();
  await other.enter(2);
});

test("tasks that come while permits are asked for get theirs, too", async (t) => {
  const one = await instance(t, "one");
  const claim = hold(one.publisher);
  one.policy.wanted("", 1);
  await claim.isOnItsWay;
  const entering = one.enter(2);
  claim.goOn();
  await entering;
});

test("what is used is renewed, and nobody else gets it meanwhile", async (t) => {
  const options = { limit: 1, patienceMs: 1_000 };
  const one = await instance(t, "one", options);
  const other = await instance(t, "other", options);
  const [leave] = await one.enter(1);
  other.policy.wanted("", 1);
  const begun = performance.now();
  await eventually(() => {
    assert.equal(other.isFree(), false);
    return performance.now() > begun + 2_500;
  });
  leave!();
  await eventually(other.isFree);
});

test("who is cut off for too long holds nothing any more", async (t) => {
  const options = { limit: 1, patienceMs: 1_000 };
  const one = await instance(t, "one", options);
  const other = await instance(t, "other", options);
  one.policy.wanted("", 1);
  await eventually(one.isFree);
  await one.link.close();
  await other.enter(1);
  await eventually(() => !one.isFree());
});

test("a permit whose return is on its way is not used", async (t) => {
  const one = await instance(t, "one");
  const [leave] = await one.enter(1);
  const claim = hold(one.publisher);
  leave!();
  assert.equal(one.isFree(), true);
  await claim.isOnItsWay;
  const isFree = one.isFree();
  claim.goOn();
  assert.equal(isFree, false);
});
