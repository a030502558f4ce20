import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  refuse,
  skill,
  type Bus,
  type Duration,
  type TaskEvent,
} from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** Says which version did it. */
const makeWriter = (version: string) =>
  agent("writer", {
    version,
    skills: {
      write: skill({
        description: "Says who wrote it",
        input: z.object({ text: z.string().default(""), fail: z.boolean() }),
        retry: { attempts: 2, first: 1 },
        run({ fail }) {
          if (fail) throw refuse("it was told to");
          return version;
        },
      }),
      stumble: skill({
        description: "Succeeds at the second attempt",
        input: z.any(),
        retry: { attempts: 2, first: 1 },
        run(_, task) {
          if (task.attempt === 1) throw new Error("not yet");
          return version;
        },
      }),
    },
  });

const older = makeWriter("1.0.0");
const newer = makeWriter("2.0.0");
const { write, stumble } = older.skills;
const good = { fail: false };

/** A bus that serves both versions, and one of another process. */
async function both(t: TestContext): Promise<{ bus: Bus; other: Bus }> {
  const [bus, other] = [await shared.connect(t), await shared.connect(t)];
  await bus.serve(older);
  await bus.serve(newer, { lane: "canary" });
  return { bus, other };
}

const countOf = (answers: readonly unknown[], version: string) =>
  answers.filter((answer) => answer === version).length;

/** What is heard through the settings arrives soon, and not at once. */
const goesTo = (bus: Bus, version: string) =>
  eventually(async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => bus.call(write, good)),
    );
    return countOf(answers, version) === 10;
  });

describe("the lanes of an agent", () => {
  test("without a split all goes to main, with one by its weights, and a named lane is kept", async (t) => {
    const { bus, other } = await both(t);
    const call = (lane?: string) =>
      other.call(write, good, lane === undefined ? {} : { lane });
    assert.equal(await call(), "1.0.0");
    assert.equal(await call("canary"), "2.0.0");
    await bus.lanes.split("writer", { main: 3, canary: 1 });
    await eventually(async () => (await call()) === "2.0.0");
    const answers = await Promise.all(
      Array.from({ length: 800 }, () => call()),
    );
    const share = countOf(answers, "2.0.0") / answers.length;
    assert.ok(share > 0.17 && share < 0.33, `canary got ${share}`);
    assert.equal(await call("main"), "1.0.0");
    assert.equal(await call("canary"), "2.0.0");
  });

  test("promote, rollback and clear reach processes that already submit", async (t) => {
    const { bus, other } = await both(t);
    await goesTo(other, "1.0.0");
    assert.deepEqual(await bus.lanes.promote("writer", "canary"), {
      canary: 1,
    });
    await goesTo(other, "2.0.0");
    await bus.lanes.split("writer", { main: 1 });
    await goesTo(other, "1.0.0");
    await bus.lanes.rollback("writer");
    await goesTo(other, "2.0.0");
    await bus.lanes.clear("writer");
    await goesTo(other, "1.0.0");
    await assert.rejects(bus.lanes.rollback("writer"), {
      code: "ARGUMENT_INVALID",
    });
  });

  test("a context meets one lane, with and without keys, and stays there while its lane grows", async (t) => {
    const { bus } = await both(t);
    await bus.lanes.split("writer", { main: 1, canary: 1 });
    const contexts = Array.from({ length: 24 }, (_, n) => `context-${n}`);
    const round = () =>
      Promise.all(
        contexts.map(async (context) => {
          const answers = await Promise.all([
            bus.call(write, good, { context }),
            bus.call(write, good, { context }),
            bus.call(write, good, { key: context }),
            bus.call(write, good, { key: context, context: "another" }),
          ]);
          assert.equal(
            new Set(answers).size,
            1,
            `${context}: ${answers.join()}`,
          );
          return answers[0];
        }),
      );
    const before = await round();
    assert.ok(countOf(before, "2.0.0") > 0 && countOf(before, "1.0.0") > 0);
    await bus.lanes.split("writer", { main: 1, canary: 3 });
    await eventually(async () => {
      const after = await round();
      assert.ok(
        before.every((was, n) => was === "1.0.0" || after[n] === "2.0.0"),
        "who was in canary stays there",
      );
      return countOf(after, "2.0.0") > countOf(before, "2.0.0");
    });
  });

  test("keyed tasks that wait when a lane is promoted are done there, in order", async (t) => {
    const [bus, other] = [await shared.connect(t), await shared.connect(t)];
    const done: string[] = [];
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const clerk = (version: string) =>
      agent("clerk", {
        version,
        skills: {
          file: skill({
            description: "Files it",
            input: z.number(),
            async run(n) {
              if (n === 0) await released;
              done.push(`${version} ${n}`);
            },
          }),
        },
      });
    await bus.serve(clerk("old"));
    await other.serve(clerk("new"), { lane: "canary" });
    const tasks = [];
    for (let n = 0; n < 6; n++)
      tasks.push(await bus.submit("clerk.file", n, { key: "a" }));
    await eventually(async () => (await bus.backlog("clerk")).inHand === 1);
    await bus.lanes.promote("clerk", "canary");
    await eventually(
      async () => (await bus.backlog("clerk", "canary")).waiting === 5,
    );
    assert.equal(done.length, 0, "the lane it is in now waits for the other");
    for (let n = 6; n < 8; n++)
      tasks.push(await bus.submit("clerk.file", n, { key: "a" }));
    release();
    await Promise.all(tasks.map((task) => task.result()));
    const numbers = done.map((line) => line.slice(-1)).join("");
    assert.equal(numbers, "01234567");
    assert.equal(done[0], "old 0");
    assert.equal(done.at(-1), "new 7");
  });

  test("a lane that nobody serves is refused, unless it is forced", async (t) => {
    const { bus } = await both(t);
    await assert.rejects(bus.lanes.split("writer", { main: 9, blue: 1 }), {
      code: "LANE_UNSERVED",
      message:
        /nobody serves agent "writer" in lane "blue" \(instances live in "main", "canary"|"canary", "main"\)/,
    });
    await assert.rejects(bus.lanes.promote("nobody", "main"), {
      code: "LANE_UNSERVED",
      message: /no instance of it lives/,
    });
    assert.equal((await bus.lanes.all()).size, 0, "nothing was changed");
    await bus.lanes.promote("writer", "blue", { force: true });
    const task = await bus.submit(write, good);
    const blue = await shared.connect(t);
    await blue.serve(makeWriter("3.0.0"), { lane: "blue" });
    assert.equal(await task.result(), "3.0.0");
  });

  test("words are checked by the card of the lane that will handle them", async (t) => {
    const [bus, other] = [await shared.connect(t), await shared.connect(t)];
    await bus.serve(older);
    const changed = agent("writer", {
      version: "2.0.0",
      skills: {
        rhyme: skill({
          description: "New in this version",
          input: z.object({ with: z.string() }),
          run: () => "2.0.0",
        }),
      },
    });
    await other.serve(changed, { lane: "canary" });
    await bus.lanes.promote("writer", "canary");
    const rhyme = (options = {}) =>
      bus.call("writer.rhyme", { with: "lane" }, options);
    assert.equal(await rhyme(), "2.0.0");
    assert.equal(await rhyme({ key: "a" }), "2.0.0");
    await assert.rejects(bus.call("writer.write", good), {
      code: "SKILL_UNKNOWN",
    });
    await assert.rejects(rhyme({ lane: "main" }), { code: "SKILL_UNKNOWN" });
  });

  test("asks go to main, to the lane that they name, and by the split", async (t) => {
    const { bus, other } = await both(t);
    const ask = (options = {}) => other.ask(write, good, options);
    const share = async () => {
      const answers = await Promise.all(
        Array.from({ length: 400 }, () => ask()),
      );
      return countOf(answers, "2.0.0") / answers.length;
    };
    assert.equal(await share(), 0, "a lane without a share is not asked");
    assert.equal(await ask({ lane: "canary" }), "2.0.0");
    assert.equal(await other.ask("write@^2", good), "2.0.0");
    await assert.rejects(ask({ lane: "blue" }), {
      code: "NO_RESPONDERS",
      message: /no instance of agent "writer" is there in lane "blue"/,
    });
    await bus.lanes.split("writer", { main: 1, canary: 1 });
    await eventually(async () => Math.abs((await share()) - 0.5) < 0.13);
    await bus.lanes.promote("writer", "canary");
    await eventually(async () => (await share()) === 1);
    assert.equal(await ask({ lane: "main" }), "1.0.0");
  });

  for (const key of [undefined, "a"])
    test(`what died in a lane ${key ? "with" : "without"} a key is redriven there, or in another`, async (t) => {
      const { bus } = await both(t);
      const redriven = async (options: { lane?: string }) => {
        const dies = { lane: "canary", ...(key ? { key } : {}) };
        const task = await bus.submit(write, { fail: true }, dies);
        await assert.rejects(task.result(), { code: "HANDLER_REFUSED" });
        for await (const letter of bus.deadLetters({ task: task.id })) {
          const id = await letter.redrive({ input: good, ...options });
          return bus.task(id).result();
        }
        return "no letter";
      };
      assert.equal(await redriven({}), "2.0.0");
      assert.equal(await redriven({ lane: "main" }), "1.0.0");
    });

  test("a need follows the split as well, unless it asks for what only one lane has", async (t) => {
    const { bus, other } = await both(t);
    await bus.lanes.promote("writer", "canary");
    await goesTo(other, "2.0.0");
    const need = (more = {}) =>
      other.call({ skill: "write", wait: "5s", ...more }, good);
    assert.equal(await need(), "2.0.0");
    assert.equal(await need({ version: "^1" }), "1.0.0");
  });

  test("the same id submitted again is one task, whatever lane the split has for it by now", async (t) => {
    const bus = await shared.connect(t);
    await bus.lanes.split("writer", { main: 1, canary: 1 }, { force: true });
    const ids = Array.from({ length: 10 }, (_, n) => `order-${n}`);
    const submit = (id: string) => bus.submit(write, good, { id });
    await Promise.all(ids.map(submit));
    const link = await shared.link(t);
    await link.jsm.streams.update(link.subjects.queue("writer"), {
      duplicate_window: 100_000_000, // then only its place in the queue tells that it is there
    });
    await bus.lanes.promote("writer", "canary", { force: true });
    for (const until = performance.now() + 300; performance.now() < until;) {
      const again = await Promise.all(ids.map(submit));
      assert.ok(again.every(({ duplicate }) => duplicate));
    }
    const backlog = await bus.find("order-3");
    assert.equal(backlog?.state, "submitted");
  });
});

describe("lanes side by side", () => {
  test("show tells who serves them, what waits, and how tasks ended in each", async (t) => {
    const { bus } = await both(t);
    await bus.lanes.split("writer", { main: 90, canary: 10 });
    const run = (count: number, lane: string, fail = false) =>
      Promise.allSettled(
        Array.from({ length: count }, () =>
          bus.call(write, { fail }, { lane }),
        ),
      );
    await run(8, "main");
    await run(3, "canary");
    await run(1, "canary", true);
    await bus.call(stumble, 0, { lane: "canary" });
    const { lanes, isSplit } = await bus.lanes.show("writer");
    assert.ok(isSplit);
    const [main, canary] = lanes;
    assert.deepEqual(
      lanes.map(({ lane }) => lane),
      ["main", "canary"],
    );
    assert.deepEqual(main?.versions, ["1.0.0"]);
    assert.deepEqual(canary?.versions, ["2.0.0"]);
    assert.equal(main.share, 0.9);
    assert.equal(canary.keyShare, 3 / 32);
    assert.equal(main.instances, 1);
    assert.deepEqual([main.completed, main.failed, main.errorRate], [8, 0, 0]);
    assert.deepEqual([canary.completed, canary.failed], [4, 1]);
    assert.equal(canary.errorRate, 0.2);
    assert.equal(canary.retryRate, 0.2);
    assert.ok(canary.p95Ms! >= canary.p50Ms!);
  });

  test("how long handlers take is told for each lane", async (t) => {
    const bus = await shared.connect(t);
    const pace = (ms: number) =>
      agent("pace", {
        skills: {
          walk: skill({
            description: "Takes its time",
            input: z.any(),
            run: () => new Promise((resolve) => setTimeout(resolve, ms)),
          }),
        },
      });
    await bus.serve(pace(20));
    await bus.serve(pace(200), { lane: "canary" });
    for (const lane of ["main", "canary"])
      await Promise.all(
        Array.from({ length: 5 }, () => bus.call("pace.walk", 0, { lane })),
      );
    const { lanes } = await bus.lanes.show("pace");
    const [main, canary] = lanes;
    assert.ok(main!.p50Ms! >= 19 && main!.p50Ms! < canary!.p50Ms!);
    assert.ok(canary!.p50Ms! >= 199);
  });

  test("only what ended within the window counts", async (t) => {
    const { bus } = await both(t);
    await bus.call(write, good);
    const shown = async (window: Duration) =>
      (await bus.lanes.show("writer", { window })).lanes[0];
    assert.equal((await shown("1m"))?.completed, 1);
    await eventually(async () => (await shown(5))?.completed === 0);
    assert.equal((await shown(5))?.errorRate, undefined);
  });

  test("changes are on the log, newest first", async (t) => {
    const { bus } = await both(t);
    await bus.lanes.split("writer", { main: 9, canary: 1 });
    await bus.lanes.promote("writer", "canary");
    await bus.lanes.rollback("writer");
    const { changes } = await bus.lanes.show("writer");
    assert.deepEqual(
      changes.map(({ action, weights }) => [action, weights]),
      [
        ["rollback", { main: 9, canary: 1 }],
        ["promote", { canary: 1 }],
        ["split", { main: 9, canary: 1 }],
      ],
    );
  });

  test("two who change it at a time both have their say, one after the other", async (t) => {
    const { bus, other } = await both(t);
    await Promise.all([
      bus.lanes.split("writer", { main: 1, canary: 1 }),
      other.lanes.split("writer", { main: 2, canary: 1 }),
    ]);
    await bus.lanes.rollback("writer");
    const [weights] = [...(await bus.lanes.all()).values()];
    assert.ok(weights, "the one that came first is what it goes back to");
    await bus.lanes.rollback("writer");
    assert.equal((await bus.lanes.all()).size, 0);
  });

  test("events say in which lane a task with a key was handled", async (t) => {
    const { bus } = await both(t);
    await bus.lanes.promote("writer", "canary");
    const task = await bus.submit(write, good, { key: "a" });
    await task.result();
    const events: TaskEvent[] = [];
    for await (const event of bus.replay({ task: task.id })) events.push(event);
    assert.equal(events.at(-1)?.lane, "canary");
  });
});
