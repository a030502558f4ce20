import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import {
  countOf,
  goesTo,
  good,
  makeWriter,
  older,
  serveBoth,
  write,
} from "../../support/two-lanes.js";

const shared = sharedServer();

describe("the lanes of an agent", () => {
  test("without a split all goes to main, with one by its weights, and a named lane is kept", async (t) => {
    const { bus, other } = await serveBoth(shared, t);
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
    const { bus, other } = await serveBoth(shared, t);
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
    const { bus } = await serveBoth(shared, t);
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
    const { bus } = await serveBoth(shared, t);
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
    const { bus, other } = await serveBoth(shared, t);
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
      const { bus } = await serveBoth(shared, t);
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
    const { bus, other } = await serveBoth(shared, t);
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
