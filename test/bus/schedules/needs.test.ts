// Schedules that say what is needed, and not who is to do it.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { z } from "zod";
import { Bucket, keyOf } from "../../../bus/buckets/bucket.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill, type Bus } from "../../../index.js";
import {
  scheduleRecord,
  type ScheduleRecord,
} from "../../../protocol/schedule.js";
import { quiet } from "../../support/doer.js";
import { eventually as soon } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  soon(check, { timeoutMs: 30_000 });
const secondly = { every: "1s" } as const;
const yearly = "0 3 1 1 *";

/** Says who it is. */
const summarizer = (name: string, version = "1.0.0") =>
  agent(name, {
    version,
    skills: {
      summarize: skill({
        description: "Makes a long text short",
        input: z.object({ text: z.string() }),
        run: () => name,
      }),
    },
  });
const text = { text: "long" };

const lastOf = (bus: Bus, name: string) =>
  eventually(async () => {
    const { last } = await bus.schedules.show(name);
    return last?.state === "completed" || last?.refused ? last : undefined;
  });

async function behind(t: TestContext) {
  const link = await shared.link(t);
  const name = link.subjects.buckets.schedules;
  const bucket = new Bucket(link, new Publisher(link), name, scheduleRecord);
  return async (of: string, more: Partial<ScheduleRecord>) => {
    const { key, value, revision } = (await bucket.get(keyOf(of)))!;
    await bucket.update(key, { ...value, ...more }, revision);
  };
}

async function refusals(bus: Bus) {
  const told = [];
  for await (const event of bus.replay({ kind: "agent" }))
    if (event.kind === "firing-refused") told.push(event);
  return told;
}

describe("a schedule by need", { concurrency: 4 }, () => {
  test("goes to who fits when it fires, by version, labels or plain words", async (t) => {
    const bus = await shared.connect(t);
    await bus.serve(summarizer("old"), quiet);
    const labels = { region: "eu" };
    const worker = await bus.serve(summarizer("new", "2.1.0"), {
      ...quiet,
      labels,
    });
    await bus.schedule("range", secondly, "summarize@^2", text);
    const inWords = { text: "make a long text short", labels };
    const added = await bus.schedule("words", secondly, inWords, text);
    assert.equal(added.agent, undefined);
    assert.deepEqual(added.need, inWords);
    for (const name of ["range", "words"]) {
      const last = await lastOf(bus, name);
      assert.deepEqual([last?.agent, last?.skill], ["new", "summarize"]);
      const task = await bus.find(last!.taskId);
      assert.equal(task?.output, "new");
      assert.equal(task?.route?.agent, "new");
    }
    const again = await bus.schedule("range", secondly, "summarize@^2", text);
    assert.equal(again.change, "none");
    await worker.drain();
    await bus.serve(summarizer("newer", "2.2.0"), quiet);
    await eventually(
      async () => (await bus.schedules.show("range")).last?.agent === "newer",
    );
    for (const name of ["range", "words"]) await bus.schedules.delete(name);
  });

  test("waits in the queue of one that is known where none takes tasks now", async (t) => {
    const bus = await shared.connect(t);
    await bus.serve(summarizer("firer", "1.0.0"), quiet);
    const worker = await bus.serve(summarizer("sleeper", "2.0.0"), quiet);
    await bus.schedule("patient", yearly, "summarize@^2", text);
    await worker.drain();
    const task = await bus.schedules.fire("patient");
    assert.equal(task.agent, "sleeper");
    await bus.serve(summarizer("sleeper", "2.0.0"), quiet);
    assert.equal(await task.result({ timeout: "30s" }), "sleeper");
  });

  test("that nobody can do any more is told on the log and by show, and goes on", async (t) => {
    const bus = await shared.connect(t);
    const edit = await behind(t);
    await bus.serve(summarizer("only", "1.0.0"), quiet);
    await bus.schedule("lost", secondly, "summarize@^1", text);
    await lastOf(bus, "lost");
    const need = { skill: "summarize", version: "^7" };
    await bus.schedules.pause("lost");
    const { timing } = { timing: { everyMs: 1_000 } };
    const definition = { timing, need, input: text, catchUp: 0 };
    await edit("lost", { definition });
    await bus.schedules.resume("lost");
    const refused = await eventually(async () => {
      const { last } = await bus.schedules.show("lost");
      return last?.refused === undefined ? undefined : last;
    });
    assert.match(
      refused!.refused!,
      /^NO_CANDIDATE: nobody does \*\.summarize@\^7/,
    );
    const [event] = await refusals(bus);
    assert.equal(event?.agent, "orchestrator");
    assert.equal(event.data["schedule"], "lost");
    assert.match(String(event.data["error"]), /^NO_CANDIDATE/);
    await bus.schedules.pause("lost");
    await edit("lost", {
      definition: { ...definition, need: { ...need, version: "^1" } },
    });
    await bus.schedules.resume("lost");
    await eventually(
      async () =>
        (await bus.schedules.show("lost")).last?.state === "completed",
    );
    await bus.schedules.delete("lost");
  });

  test("whose input who is chosen does not take is told, too", async (t) => {
    const bus = await shared.connect(t);
    const edit = await behind(t);
    await bus.serve(summarizer("strict"), quiet);
    await bus.schedule("odd", yearly, "summarize@^1", text);
    const need = { skill: "summarize" };
    const timing = { everyMs: 1_000 };
    await edit("odd", {
      definition: { timing, need, input: 5, catchUp: 0 },
      pending: [Date.now()],
    });
    await bus.schedules.pause("odd");
    const { last } = await bus.schedules.show("odd");
    assert.match(last!.refused!, /^INPUT_INVALID: /);
    const [event] = await refusals(bus);
    assert.equal(event?.agent, "strict");
  });

  test("a firing that was taken over goes to who was chosen for it at first", async (t) => {
    const bus = await shared.connect(t);
    const edit = await behind(t);
    for (const name of ["one", "two"]) await bus.serve(summarizer(name), quiet);
    const need = { skill: "summarize", prefer: "round-robin" } as const;
    await bus.schedule("held", yearly, need, text);
    const at = Date.parse("2026-01-01T03:00:00Z");
    for (let round = 0; round < 6; round++) {
      const route = "{}";
      const chosen = { agent: "two", skill: "summarize", route };
      await edit("held", { pending: [at], chosen });
      await bus.schedules.pause("held");
      await bus.schedules.resume("held");
    }
    const last = await lastOf(bus, "held");
    assert.equal(last?.agent, "two");
    const tasks = await bus.tasks();
    assert.deepEqual(
      tasks.map(({ taskId, agent }) => [taskId, agent]),
      [["held@2026-01-01T03:00:00Z", "two"]],
    );
  });

  test("goes to another where who was chosen has lost the skill since, unless that has its task already", async (t) => {
    const bus = await shared.connect(t);
    const edit = await behind(t);
    const first = await bus.serve(summarizer("first"), quiet);
    await bus.schedule("moved", yearly, "summarize@^1", text);
    await first.drain();
    const days = ["2026-01-01", "2026-01-02", "2026-01-03"];
    const [sent] = days.map((day) => `moved@${day}T03:00:00Z`);
    await bus.submit("first.summarize", text, { id: sent! });
    const other = skill({
      description: "Does something else",
      input: z.any(),
      run: () => 1,
    });
    const without = agent("first", { version: "2.0.0", skills: { other } });
    await (await bus.serve(without, { ...quiet, concurrency: 1 })).drain();
    await bus.serve(summarizer("second"), quiet);
    await edit("moved", {
      pending: days.map((day) => Date.parse(`${day}T03:00:00Z`)),
      chosen: { agent: "first", skill: "summarize", route: "{}" },
    });
    // By a process that remembers nothing of them.
    await (await shared.connect(t)).schedules.pause("moved");
    const last = await lastOf(bus, "moved");
    assert.deepEqual([last?.agent, last?.refused], ["second", undefined]);
    const tasks = await bus.tasks();
    assert.deepEqual(
      new Map(tasks.map(({ taskId, agent: by }) => [taskId.slice(6, 16), by])),
      new Map(days.map((day, at) => [day, at === 0 ? "first" : "second"])),
    );
    assert.deepEqual(await refusals(bus), []);
  });

  test("is refused where nobody has ever met it, does not take the input, or is to be waited for", async (t) => {
    const bus = await shared.connect(t);
    await bus.serve(summarizer("a"), quiet);
    await assert.rejects(bus.schedule("x", yearly, "summarize@^2", text), {
      code: "NO_CANDIDATE",
      message: /nobody does .*\. Serve one once, or ask for less$/,
    });
    await assert.rejects(
      bus.schedule("x", yearly, "summarize@^1", { text: 1 }),
      {
        code: "INPUT_INVALID",
      },
    );
    const waits = { skill: "summarize", wait: "30s" } as const;
    await assert.rejects(bus.schedule("x", yearly, waits, text), {
      code: "ARGUMENT_INVALID",
      message: /has a wait/,
    });
    assert.deepEqual(await bus.schedules.list(), []);
  });
});
