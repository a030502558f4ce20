// What firers do to each other, each step by itself.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { decodeBody } from "../../../protocol/codec.js";
import { keyOf } from "../../../bus/buckets/bucket.js";
import { lastMessage } from "../../../bus/history/stored.js";
import { Firer } from "../../../bus/schedules/firer.js";
import { wakeAt } from "../../../bus/schedules/wake-ups.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { Router } from "../../../bus/routing/router.js";
import type { Submitter } from "../../../bus/tasks/submitter.js";
import type { ScheduleRecord } from "../../../protocol/schedule.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const day = 86_400_000;
const nobody = undefined as unknown as Submitter;
const nowhere = undefined as unknown as Router;

/** Stops once, right before it sets a wake-up, for what another does meanwhile. */
class Interrupted extends Publisher {
  meanwhile: (() => Promise<void>) | undefined;

  override async store(...args: Parameters<Publisher["store"]>) {
    const { meanwhile } = this;
    if (meanwhile && args[0].includes(".timer.schedule.")) {
      this.meanwhile = undefined;
      await meanwhile();
    }
    return super.store(...args);
  }
}

async function opened(t: TestContext) {
  await shared.connect(t); // makes the streams
  const link = await shared.link(t);
  const publisher = new Interrupted(link);
  const firer = new Firer(link, publisher, nobody, nowhere);
  const other = new Firer(link, new Publisher(link), nobody, nowhere);
  const next = Date.now() + 300 * day;
  const record: ScheduleRecord = {
    name: "s",
    definition: {
      timing: { everyMs: 400 * day },
      agent: "a",
      skill: "s",
      catchUp: 0,
    },
    anchor: next,
    next,
    pending: [],
  };
  await other.bucket.create(keyOf("s"), record);
  const change = async (more: Partial<ScheduleRecord>) => {
    const { key, value, revision } = (await other.read("s"))!;
    await other.bucket.update(key, { ...value, ...more }, revision);
    await other.settle("s");
  };
  const { streams, wakeUp } = link.subjects;
  const standing = async () => {
    const found = await lastMessage(
      link,
      streams.timers,
      wakeUp({ name: "s" }),
    );
    return found && (decodeBody(found.body) as { at: number }).at;
  };
  return { firer, publisher, record, next, change, standing };
}

test("a wake-up that was set late, for a time that has changed meanwhile, is set anew", async (t) => {
  const { firer, publisher, next, change, standing } = await opened(t);
  const sooner = next - 100 * day;
  publisher.meanwhile = () => change({ next: sooner, anchor: sooner });
  await firer.settle("s");
  assert.equal(await standing(), sooner);
});

test("a look that changes nothing leaves the wake-up where it was", async (t) => {
  const { firer, next, standing } = await opened(t);
  await firer.settle("s");
  await firer.settle("s");
  assert.equal(await standing(), next);
  await wakeAt(firer, { name: "s" }, next + day);
  await firer.settle("s");
  assert.equal(await standing(), next);
});
