// Firings that were missed, and what others have left behind.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { z } from "zod";
import { Bucket, keyOf } from "../../../bus/buckets/bucket.js";
import { wakeAt } from "../../../bus/schedules/wake-ups.js";
import type { ScheduleRecord } from "../../../protocol/schedule.js";
import { doer, quiet } from "../../support/doer.js";
import {
  behind,
  caughtUp,
  eventually,
  secondly,
  secondsOf,
  served,
  shared,
  yearly,
} from "../../support/scheduled.js";

describe("missed firings", () => {
  const hourAgo = () => Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;

  /** As if nobody had looked for an hour. */
  async function missedFor(t: TestContext, missed: object) {
    const { bus, heard } = await served(t);
    const { edit, link, publisher } = await behind(t);
    const every = { every: "1m" } as const;
    await bus.schedule("m", every, "doer.do", 1, missed);
    const next = hourAgo();
    await edit("m", { anchor: next, next });
    await wakeAt({ link, publisher }, { name: "m" }, next);
    const shown = await eventually(async () => {
      const now = await bus.schedules.show("m");
      return now.next[0]!.getTime() > Date.now() ? now : undefined;
    });
    return { heard, shown: shown!, next, bus };
  }

  test("are skipped where nothing else is said, and it is said what was left out", async (t) => {
    const { heard, shown, next } = await missedFor(t, {});
    assert.equal(shown.leftOut?.from.getTime(), next);
    assert.ok(heard.length <= 1, `${heard.length} were made`);
  });

  test("are caught up with in order, at most as many as asked for, the newest", async (t) => {
    const missed = { missed: { catchUp: 5 } };
    const { heard, shown, next } = await missedFor(t, missed);
    await eventually(() => heard.length >= 5);
    assert.deepEqual(secondsOf(heard.slice(0, 5)), [0, 60, 120, 180, 240]);
    assert.equal(shown.leftOut?.from.getTime(), next);
    assert.ok(heard.length <= 6);
  });

  test("are all caught up with where there are fewer than that", async (t) => {
    const missed = { missed: "catch up" };
    const { heard, shown, bus } = await missedFor(t, missed);
    await eventually(() => heard.length >= 60);
    assert.equal(shown.leftOut, undefined);
    assert.ok(heard.length <= 61);
    assert.equal(new Set(heard.map(({ id }) => id)).size, heard.length);
    assert.equal(shown.catchUp, 100);
    await bus.schedules.delete("m");
  });
});

describe("what others have left behind", () => {
  test("a schedule whose writer died before its wake-up is found by the one that goes round", async (t) => {
    const { bus, heard } = await served(t);
    const { edit, link, publisher } = await behind(t);
    await bus.schedule("orphan", yearly, "doer.do", 1);
    const { definition, anchor } = (await recordOf(t, "orphan"))!;
    const next = Math.floor(Date.now() / 1_000) * 1_000 + 1_000;
    const timing = { everyMs: 86_400_000 };
    await edit("orphan", {
      definition: { ...definition, timing },
      anchor: Math.max(anchor, next),
      next,
    });
    await wakeAt({ link, publisher }, "all", Date.now());
    await eventually(() => heard.length === 1);
    assert.equal(
      heard[0]!.id,
      `orphan@${new Date(next).toISOString().replace(".000Z", "Z")}`,
    );
  });

  test("a firing that was taken and not done is done once, also before a pause", async (t) => {
    const { bus, heard } = await served(t);
    const { edit } = await behind(t);
    await bus.schedule("taken", yearly, "doer.do", 1);
    const at = Date.parse("2026-01-01T03:00:00Z");
    await edit("taken", { pending: [at] });
    const { last } = await bus.schedules.pause("taken");
    assert.equal(last?.at.getTime(), at);
    await edit("taken", { pending: [at] });
    await bus.schedules.resume("taken");
    await edit("taken", { pending: [at] });
    await bus.schedules.delete("taken");
    await bus.call("doer.do", "after");
    await eventually(() => heard.some(({ input }) => input === "after"));
    assert.deepEqual(
      heard.map(({ id }) => id).filter((id) => id.startsWith("taken")),
      ["taken@2026-01-01T03:00:00Z"],
    );
  });

  test("firings that many look at at once are each made once", async (t) => {
    const { bus, heard } = await served(t);
    const { edit, link, publisher } = await behind(t);
    await bus.schedule("crowd", { every: "1m" }, "doer.do", 1, caughtUp);
    const next = Math.floor(Date.now() / 60_000) * 60_000 - 1_200_000;
    await edit("crowd", { anchor: next, next });
    const others = await Promise.all([shared.connect(t), shared.connect(t)]);
    await Promise.all([
      ...others.map((each) =>
        each.serve(
          doer(() => 1, {}, "idle"),
          quiet,
        ),
      ),
      ...Array.from({ length: 20 }, () =>
        wakeAt({ link, publisher }, { name: "crowd" }, next),
      ),
      ...others.map((each) => each.schedules.fire("crowd")),
      ...others.map((each) => each.schedules.resume("crowd")),
    ]);
    await eventually(() => heard.length >= 22);
    await bus.schedules.delete("crowd");
    await bus.call("doer.do", "after");
    assert.equal(new Set(heard.map(({ id }) => id)).size, heard.length);
    const made = heard.filter(({ id }) => id.startsWith("crowd@2"));
    assert.ok(made.length >= 20);
    const minutes = secondsOf(made).map((seconds) => seconds / 60);
    assert.deepEqual(
      minutes.toSorted((one, other) => one - other),
      minutes.map((_, at) => at),
    );
  });

  test("what is no schedule is passed over, and a wake-up for none of them does nothing", async (t) => {
    const { bus, heard } = await served(t);
    const { link, publisher } = await behind(t);
    await bus.schedule("good", secondly, "doer.do", 1);
    const { schedules: name } = link.subjects.buckets;
    const wild = new Bucket(link, publisher, name, z.unknown());
    await wild.put(keyOf("wild"), { name: 1 });
    const good = await wild.get(keyOf("good"));
    const record = good!.value as ScheduleRecord;
    for (const timing of [
      { cron: "0 3 * *", timeZone: "UTC" },
      { cron: "0 3 * * *", timeZone: "Mars/Olympus" },
      { everyMs: 0 },
    ]) {
      const definition = { ...record.definition, timing };
      await wild.put(keyOf("odd"), { ...record, name: "odd", definition });
      assert.equal((await bus.schedules.list()).length, 1);
    }
    await wakeAt({ link, publisher }, { name: "odd" }, Date.now());
    await wakeAt({ link, publisher }, { name: "wild" }, Date.now());
    await wakeAt({ link, publisher }, { name: "nobody" }, Date.now());
    await wakeAt({ link, publisher }, "all", Date.now());
    await eventually(() => heard.length >= 2);
    assert.deepEqual(
      (await bus.schedules.list()).map((each) => each.name),
      ["good"],
    );
    const { change } = await bus.schedule("odd", yearly, "doer.do", 1);
    assert.equal(change, "added");
    await bus.schedules.delete("good");
  });

  async function recordOf(t: TestContext, name: string) {
    const { bucket } = await behind(t);
    return (await bucket.get(keyOf(name)))?.value;
  }
});
