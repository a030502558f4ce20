import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { z } from "zod";
import { Bucket, keyOf } from "../../../bus/buckets/bucket.js";
import { lastMessage } from "../../../bus/history/history.js";
import { wakeAt } from "../../../bus/schedules/wake-ups.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, connect, skill, type Bus } from "../../../index.js";
import type { When } from "../../../protocol/firing-times.js";
import {
  scheduleRecord,
  type ScheduleRecord,
} from "../../../protocol/schedule.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually as soon } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
/** Firings take seconds, and a busy machine its time. */
const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  soon(check, { timeoutMs: 30_000 });
const secondly = { every: "1s" } as const;
const yearly = "0 3 1 1 *";
const caughtUp = { missed: "catch up" } as const;

const writer = agent("writer", {
  skills: {
    headline: skill({
      description: "A headline",
      input: z.object({ text: z.string() }),
      run: ({ text }) => text.toUpperCase(),
    }),
  },
});
const { headline } = writer.skills;
const text = { text: "rain" };

interface Heard {
  id: string;
  input: unknown;
}

/** A bus that serves the agent "doer", and what it is asked for. */
async function served(t: TestContext): Promise<{ bus: Bus; heard: Heard[] }> {
  const bus = await shared.connect(t);
  const heard: Heard[] = [];
  const echo = doer((input, { id }) => {
    heard.push({ id, input });
    return input;
  });
  await bus.serve(echo, quiet);
  return { bus, heard };
}

/** The records themselves, and the wake-ups, for tests of what others have left behind. */
async function behind(t: TestContext) {
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const name = link.subjects.buckets.schedules;
  const bucket = new Bucket(link, publisher, name, scheduleRecord);
  const edit = async (of: string, more: Partial<ScheduleRecord>) => {
    const entry = await bucket.get(keyOf(of));
    const value = { ...entry!.value, ...more };
    await bucket.update(entry!.key, value, entry!.revision);
  };
  return { link, publisher, bucket, edit };
}

/** The times in the ids of what was heard, in seconds since the first. */
function secondsOf(heard: readonly Heard[]): number[] {
  const times = heard.map(({ id }) => Date.parse(id.split("@")[1]!) / 1_000);
  return times.map((time) => time - times[0]!);
}

describe("a schedule", { concurrency: 5 }, () => {
  test("submits one task a firing, whose id is its name and its time", async (t) => {
    const { bus, heard } = await served(t);
    const before = Date.now();
    const added = await bus.schedule("tick", secondly, "doer.do", { n: 1 });
    assert.equal(added.change, "added");
    assert.equal(added.state, "active");
    assert.equal(added.when, "every 1s");
    await eventually(() => heard.length >= 3);
    assert.deepEqual(secondsOf(heard.slice(0, 3)), [0, 1, 2]);
    assert.match(heard[0]!.id, /^tick@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Date.parse(heard[0]!.id.slice(5)) >= before + 900);
    assert.deepEqual(heard[0]!.input, { n: 1 });
    await bus.schedules.delete("tick");
  });

  test("takes a cron expression with seconds, a typed skill, a level, a key, a deadline and a context", async (t) => {
    const bus = await shared.connect(t);
    const worker = await bus.serve(writer, quiet);
    const how = { key: "k", deadline: "1m", context: "c" } as const;
    await bus.schedule("often", "* * * * * *", headline, text, how);
    const high = { priority: "high", timeZone: "Asia/Kolkata" } as const;
    await bus.schedule("high", "* * * * * *", headline, text, high);
    await eventually(() => worker.counts.completed >= 2);
    const last = await eventually(async () => {
      const { last: of } = await bus.schedules.show("often");
      return of?.state === "completed" ? of : undefined;
    });
    for await (const event of bus.task(last!.taskId).events())
      if (event.kind === "completed") {
        assert.equal(event.output, "RAIN");
        assert.equal(event.context, "c");
      }
    const all = await bus.schedules.list();
    assert.deepEqual(
      all.map(({ name }) => name),
      ["high", "often"],
    );
    assert.equal(all[0]!.timeZone, "Asia/Kolkata");
    await bus.schedules.delete("often");
    await bus.schedules.delete("high");
  });

  test("of a stateful agent needs the context whose actor it wakes", async (t) => {
    const { tally } = await import("../../support/tally.js");
    const bus = await shared.connect(t);
    await bus.serve(tally, quiet);
    const add = tally.skills.ADD;
    await assert.rejects(bus.schedule("add", secondly, add, { n: 2 }), {
      code: "ARGUMENT_INVALID",
      message: /names no context/,
    });
    await bus.schedule("add", secondly, add, { n: 2 }, { context: "c" });
    await eventually(async () => {
      const snapshot = await bus.context(tally, "c").snapshot();
      return (snapshot?.context as { count?: number })?.count === 2;
    });
    await bus.schedules.delete("add");
  });

  test("that is asked for again changes nothing, and keeps its pause", async (t) => {
    const { bus } = await served(t);
    const add = () =>
      bus.schedule("same", yearly, "doer.do", { a: [1, { b: null }] });
    const first = await add();
    await bus.schedules.pause("same", { reason: "holidays" });
    const second = await add();
    assert.equal(second.change, "none");
    assert.equal(second.state, "paused");
    assert.equal(second.reason, "holidays");
    assert.deepEqual(second.next, first.next);
  });

  test("of a name that another has is refused, or replaces it where that is asked for, and goes on in its rhythm", async (t) => {
    const { bus, heard } = await served(t);
    await bus.schedule("one", secondly, "doer.do", "old");
    const other = { code: "SCHEDULE_EXISTS", message: /"one" \(1000 ms, do/ };
    await assert.rejects(bus.schedule("one", yearly, "doer.do", "old"), other);
    await eventually(() => heard.length >= 1);
    const replace = { replace: true };
    const { change } = await bus.schedule(
      "one",
      secondly,
      "doer.do",
      "new",
      replace,
    );
    assert.equal(change, "replaced");
    await eventually(() => heard.some(({ input }) => input === "new"));
    const seconds = secondsOf(heard);
    assert.deepEqual(
      seconds,
      seconds.map((_, at) => at),
    );
    await bus.schedule("one", yearly, "doer.do", "new", replace);
    const { next, last } = await bus.schedules.show("one");
    assert.equal(next[0]!.getUTCMonth(), 0);
    assert.equal(next.length, 5);
    assert.equal(last?.state, "completed");
  });

  test("fires first at `from`, last at `until`, and is over then", async (t) => {
    const { bus, heard } = await served(t);
    const from = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 4_000);
    const until = new Date(from.getTime() + 1_000);
    const bounds = { from, until };
    await bus.schedule("some", secondly, "doer.do", 1, bounds);
    await eventually(async () => {
      const { state, next } = await bus.schedules.show("some");
      return state === "over" && next.length === 0 && heard.length === 2;
    });
    assert.deepEqual(
      heard.map(({ id }) => Date.parse(id.split("@")[1]!)),
      [from.getTime(), until.getTime()],
    );
  });

  test("waits while nobody serves, and its late firings are made when somebody does", async (t) => {
    const { bus } = await served(t); // so that the agent is known
    await bus.close();
    const sleeper = await shared.connect(t);
    const ids: string[] = [];
    const { next } = await sleeper.schedule("late", secondly, "doer.do", 1);
    const first = next[0]!.getTime();
    await eventually(() => Date.now() > first + 2_500);
    await sleeper.serve(
      doer((_, { id }) => ids.push(id)),
      quiet,
    );
    await eventually(() => ids.length >= 3);
    const heard = ids.map((id) => ({ id, input: 1 }));
    assert.equal(Date.parse(ids[0]!.split("@")[1]!), first);
    assert.deepEqual(secondsOf(heard.slice(0, 3)), [0, 1, 2]);
    await sleeper.schedules.delete("late");
  });
});

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

describe("somebody", { concurrency: 5 }, () => {
  test("pauses it: no task comes any more, until it is resumed, and then none of those meanwhile", async (t) => {
    const { bus, heard } = await served(t);
    await bus.schedule("p", secondly, "doer.do", 1);
    await eventually(() => heard.length >= 1);
    const paused = await bus.schedules.pause("p");
    assert.equal(paused.state, "paused");
    const made = (await bus.schedules.show("p")).last!.at.getTime();
    await eventually(() => Date.now() > made + 3_500);
    assert.equal((await bus.schedules.show("p")).last!.at.getTime(), made);
    const resumed = await bus.schedules.resume("p");
    assert.equal(resumed.state, "active");
    const count = heard.length;
    await eventually(() => heard.length > count);
    const seconds = secondsOf(heard.slice(count - 1));
    assert.ok(seconds[1]! >= 3, `it went on after ${seconds[1]} s`);
    await bus.schedules.delete("p");
  });

  test("pauses and resumes it twice, which changes nothing", async (t) => {
    const { bus } = await served(t);
    await bus.schedule("p", yearly, "doer.do", 1, { paused: true });
    const once = await bus.schedules.pause("p", { reason: "another" });
    assert.equal(once.reason, undefined);
    const { next } = await bus.schedules.resume("p");
    assert.deepEqual((await bus.schedules.resume("p")).next, next);
  });

  test("deletes it: it is gone, with the wake-up that was a year away, and its name is free", async (t) => {
    const { bus } = await served(t);
    const { link } = await behind(t);
    await bus.schedule("d", yearly, "doer.do", 1);
    const wakeUp = () =>
      lastMessage(
        link,
        link.subjects.streams.timers,
        link.subjects.wakeUp({ name: "d" }),
      );
    assert.ok(await wakeUp());
    await bus.schedules.delete("d");
    assert.deepEqual(await bus.schedules.list(), []);
    await eventually(async () => (await wakeUp()) === undefined);
    const { change } = await bus.schedule("d", secondly, "doer.do", 1);
    assert.equal(change, "added");
    await bus.schedules.delete("d");
  });

  test("fires it now, also while it is paused, and its own firings stay as they are", async (t) => {
    const { bus, heard } = await served(t);
    const added = await bus.schedule("f", yearly, "doer.do", 7);
    await bus.schedules.pause("f");
    const task = await bus.schedules.fire("f");
    assert.equal(await task.result(), 7);
    assert.deepEqual([heard[0]!.id], [task.id]);
    assert.match(task.id, /^f@/);
    const { last, next, state } = await bus.schedules.show("f");
    assert.deepEqual(
      [last?.taskId, last?.byHand, last?.state, state],
      [task.id, true, "completed", "paused"],
    );
    assert.deepEqual(next, added.next);
  });

  test("asks for one that is not there, and is told so", async (t) => {
    const bus = await shared.connect(t);
    const unknown = { code: "SCHEDULE_UNKNOWN", message: /no schedule "x"/ };
    const { schedules } = bus;
    await assert.rejects(schedules.show("x"), unknown);
    await assert.rejects(schedules.pause("x"), unknown);
    await assert.rejects(schedules.resume("x"), unknown);
    await assert.rejects(schedules.delete("x"), unknown);
    await assert.rejects(schedules.fire("x"), unknown);
    assert.deepEqual(await schedules.list(), []);
  });
});

describe("what cannot be is refused when it is scheduled", () => {
  const later = new Date(Date.now() + 3_600_000);
  const cases: [string, When, string, unknown, object, object][] = [
    [
      "a cron that never fires",
      "0 3 30 2 *",
      "doer.do",
      1,
      {},
      /never fires: no date is such a day/,
    ],
    [
      "one that fires only after its end",
      yearly,
      "doer.do",
      1,
      { until: later },
      /never fires before .*give it a later end/,
    ],
    ["an unreadable cron", "61 3 * * *", "doer.do", 1, {}, /minute: 61/],
    [
      "an unknown time zone",
      yearly,
      "doer.do",
      1,
      { timeZone: "Mars/X" },
      /time zone "Mars\/X" is unknown/,
    ],
    ["every 0", { every: 0 }, "doer.do", 1, {}, /every "0" is too short/],
    [
      "a priority that is none",
      yearly,
      "doer.do",
      1,
      { priority: "urgent" },
      /priority "urgent" is none/,
    ],
    [
      "a deadline that is none",
      yearly,
      "doer.do",
      1,
      { deadline: "soon" },
      /deadline "soon" is no duration/,
    ],
    [
      "a date that is none",
      yearly,
      "doer.do",
      1,
      { from: new Date("x") },
      /from "Invalid Date" is no date/,
    ],
    [
      "missed: much",
      yearly,
      "doer.do",
      1,
      { missed: "much" },
      /missed "much" is none/,
    ],
    [
      "catching up with too many",
      yearly,
      "doer.do",
      1,
      { missed: { catchUp: 1_001 } },
      /from 1 to 1000/,
    ],
    [
      "catching up with none",
      yearly,
      "doer.do",
      1,
      { missed: { catchUp: 0 } },
      /from 1 to 1000/,
    ],
    [
      "bytes",
      yearly,
      "doer.do",
      { a: [new Uint8Array(1)] },
      {},
      /the input\.a\[0\] of a schedule cannot be kept as JSON: it is a Uint8Array/,
    ],
    [
      "a number that JSON has not",
      yearly,
      "doer.do",
      Number.NaN,
      {},
      /cannot be kept as JSON/,
    ],
  ];
  for (const [what, when, target, input, options, message] of cases)
    test(what, async (t) => {
      const { bus } = await served(t);
      await assert.rejects(bus.schedule("bad", when, target, input, options), {
        code: "ARGUMENT_INVALID",
        message,
      });
      assert.deepEqual(await bus.schedules.list(), []);
    });

  test("an unknown agent or skill, and input that its schema refuses, typed or in words", async (t) => {
    const bus = await shared.connect(t);
    await bus.serve(writer, quiet);
    const add = (target: string, input: unknown) =>
      bus.schedule("bad", yearly, target, input);
    await assert.rejects(add("nobody.do", 1), { code: "AGENT_UNKNOWN" });
    await assert.rejects(add("writer.sing", 1), { code: "SKILL_UNKNOWN" });
    const invalid = { code: "INPUT_INVALID", message: /text/ };
    await assert.rejects(add("writer.headline", { text: 1 }), invalid);
    const typed = bus.schedule("bad", yearly, headline, { text: 1 as never });
    await assert.rejects(typed, invalid);
    const large = { text: "x".repeat(1024 * 1024) };
    await assert.rejects(add("writer.headline", large), {
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  test("a name that no subject carries, and any other name is fine", async (t) => {
    const { bus } = await served(t);
    const add = (name: unknown) =>
      bus.schedule(name as string, yearly, "doer.do", 1);
    for (const name of ["", "\ud800", "x".repeat(201), "é".repeat(34), 5])
      await assert.rejects(add(name), { code: "ARGUMENT_INVALID" });
    const names = ["a.b >*", "nächtlich @ 3 %~=", "x".repeat(200)];
    for (const name of names) await add(name);
    const found = await bus.schedules.list();
    assert.deepEqual(
      found.map(({ name }) => name),
      names.toSorted(),
    );
    const task = await bus.schedules.fire(names[1]!);
    assert.equal(await task.result(), 1);
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

test("wake-ups are no tasks that wait", async (t) => {
  const { bus } = await served(t);
  await bus.schedule("quiet", yearly, "doer.do", 1);
  assert.deepEqual(await bus.tasks(), []);
  const other = await connect({ url: bus.url, namespace: bus.namespace });
  assert.equal((await other.schedules.list()).length, 1);
  await other.close();
});
