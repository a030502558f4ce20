import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Settings, type SettingKind } from "../../../bus/buckets/settings.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
interface Limits {
  slots: number;
}
const limits: SettingKind<Limits> = {
  kind: "limits",
  schema: z.looseObject({ slots: z.number() }),
  unset: { slots: 1 },
};

async function opened(t: TestContext) {
  await shared.connect(t); // makes the bucket, as whoever connects does
  const settingsOf = async () => {
    const link = await shared.link(t);
    return { link, settings: new Settings(link, new Publisher(link)) };
  };
  return { ...(await settingsOf()), other: (await settingsOf()).settings };
}

test("what is set by one is read by all without a round trip, and by its writer at once", async (t) => {
  const { settings, other, link } = await opened(t);
  await other.open();
  assert.deepEqual(other.get(limits, "my agent"), { slots: 1 });
  await settings.change(limits, "my agent", () => ({ slots: 5 }));
  assert.equal(settings.get(limits, "my agent").slots, 5);
  await eventually(() => other.get(limits, "my agent").slots === 5);
  await link.close();
  assert.equal(settings.get(limits, "my agent").slots, 5);
});

test("nobody asks the server anything before settings are read", async (t) => {
  const { link } = await opened(t);
  const before = link.nats.stats().outMsgs;
  const unused = new Settings(link, new Publisher(link));
  assert.deepEqual(unused.get(limits, "a"), limits.unset);
  assert.equal(link.nats.stats().outMsgs, before);
});

test("changes made at the same time are all made", async (t) => {
  const { settings, other } = await opened(t);
  const more = ({ slots }: Limits) => ({ slots: slots + 1 });
  const changes = Array.from({ length: 8 }, (_, at) =>
    (at % 2 === 0 ? settings : other).change(limits, "a", more),
  );
  await Promise.all(changes);
  await eventually(() => settings.get(limits, "a").slots === 9);
});

test("a follower is told what is set, each change of it, and nothing of others or after it stopped", async (t) => {
  const { settings, other } = await opened(t);
  await other.change(limits, "a", () => ({ slots: 2 }));
  const told: number[] = [];
  const stop = await settings.follow(limits, "a", ({ slots }) => {
    told.push(slots);
    if (slots === 3) throw new Error("a listener's trouble is its own");
  });
  assert.deepEqual(told, [2]);
  await other.change(limits, "b", () => ({ slots: 7 }));
  await other.change(limits, "a", () => ({ slots: 3 }));
  await other.change(limits, "a", () => ({ slots: 3 }));
  await other.change(limits, "a", () => ({ slots: 4 }));
  await eventually(() => told.at(-1) === 4);
  assert.deepEqual(told, [2, 3, 4]);
  stop();
  await other.change(limits, "a", () => ({ slots: 5 }));
  await eventually(() => settings.get(limits, "a").slots === 5);
  assert.deepEqual(told, [2, 3, 4]);
});

test("fields of a newer version are kept, and what is no setting counts as not set", async (t) => {
  const { settings, link } = await opened(t);
  const bucket = `$KV.${link.subjects.buckets.settings}`;
  await link.js.publish(`${bucket}.limits.a`, `{"slots":3,"colour":"red"}`);
  await link.js.publish(`${bucket}.limits.b`, "garbage");
  await link.js.publish(`${bucket}.limits.c`, `{"slots":"many"}`);
  await link.js.publish(`${bucket}.other.a`, `{"slots":3}`);
  const all = await settings.all(limits);
  assert.deepEqual([...all.keys()].sort(), ["a", "c"]);
  assert.deepEqual(all.get("c"), limits.unset);
  assert.deepEqual(await settings.read(limits, "b"), limits.unset);
  const raised = await settings.change(limits, "a", (value) => ({
    ...value,
    slots: 4,
  }));
  assert.deepEqual(raised, { slots: 4, colour: "red" });
  for (const name of ["b", "c"])
    await settings.change(limits, name, ({ slots }) => ({ slots: slots + 1 }));
  assert.equal((await settings.read(limits, "b")).slots, 2);
});

test("a setting that is deleted by hand counts as not set, until it is set again", async (t) => {
  const { settings, other, link } = await opened(t);
  await settings.change(limits, "a", () => ({ slots: 5 }));
  await other.open();
  const stream = `KV_${link.subjects.buckets.settings}`;
  const mark = headers();
  mark.set("KV-Operation", "DEL");
  await link.js.publish(`$KV.${link.subjects.buckets.settings}.limits.a`, "", {
    headers: mark,
  });
  await eventually(() => other.get(limits, "a").slots === 1);
  await eventually(() => settings.get(limits, "a").slots === 1);
  await settings.change(limits, "a", () => ({ slots: 6 }));
  await eventually(() => other.get(limits, "a").slots === 6);
  assert.equal((await link.jsm.streams.info(stream)).state.messages, 1);
});

test("who asks the server anew is not told less than what was heard meanwhile", async (t) => {
  const { settings, other } = await opened(t);
  await Promise.all([settings.open(), other.open()]);
  for (let round = 1; round <= 20; round++) {
    const name = `a${round}`;
    const asked = settings.refresh(limits, name);
    await other.change(limits, name, () => ({ slots: 5 }));
    await asked;
    await eventually(() => settings.get(limits, name).slots === 5);
    assert.equal((await settings.refresh(limits, name)).slots, 5);
  }
  assert.deepEqual(await settings.refresh(limits, "never"), limits.unset);
});
