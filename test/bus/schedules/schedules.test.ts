import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lastMessage } from "../../../bus/history/stored.js";
import { connect } from "../../../index.js";
import { doer, quiet } from "../../support/doer.js";
import {
  behind,
  eventually,
  headline,
  secondly,
  secondsOf,
  served,
  shared,
  text,
  writer,
  yearly,
} from "../../support/scheduled.js";

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
    const other = { code: "SCHEDULE_EXISTS", message: /"one" \(every 1s, do/ };
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

test("wake-ups are no tasks that wait", async (t) => {
  const { bus } = await served(t);
  await bus.schedule("quiet", yearly, "doer.do", 1);
  assert.deepEqual(await bus.tasks(), []);
  const other = await connect({ url: bus.url, namespace: bus.namespace });
  assert.equal((await other.schedules.list()).length, 1);
  await other.close();
});
