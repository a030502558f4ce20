import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { agentEvents } from "../../../bus/history/agent-events.js";
import type { Link } from "../../../bus/connection/connection.js";
import { agent, refuse, skill, type Bus } from "../../../index.js";
import type { LimitOptions } from "../../../workers/limits/options.js";
import { quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const once = { attempts: 1, first: "10ms" } as const;

/** A skill that fails while `isDown` says so, and another that never does. */
function shaky(limits: LimitOptions<number>) {
  const state = { isDown: true, ran: 0 };
  const definition = agent("shaky", {
    skills: {
      work: skill({
        description: "Fails for a while",
        input: z.number(),
        retry: { attempts: 1_000, first: "10ms", max: "10ms" },
        ...limits,
        run(number) {
          state.ran++;
          if (number < 0) throw refuse("negative");
          if (state.isDown) throw new Error("down");
          return number;
        },
      }),
      other: skill({ description: "Works", input: z.any(), run: () => 1 }),
    },
  });
  return { state, definition };
}

const links = new WeakMap<TestContext, Promise<Link>>();

async function kindsOnLog(t: TestContext): Promise<string[]> {
  const linking = links.get(t) ?? shared.link(t);
  links.set(t, linking);
  const link = await linking;
  const kinds: string[] = [];
  for await (const { kind } of agentEvents(link, { agent: "shaky" }))
    if (kind.startsWith("breaker")) kinds.push(kind);
  return kinds;
}

test("after as many failures as allowed nothing runs until the rest is over; then a probe closes it, and no attempt was used up", async (t) => {
  const bus = await shared.connect(t);
  const { state, definition } = shaky({
    breaker: { failures: 3, within: "10s", rest: "500ms" },
  });
  await bus.serve(definition, { ...quiet, concurrency: 1 });
  const { work, other } = definition.skills;
  const tasks = await Promise.all(
    Array.from({ length: 20 }, (_, at) => bus.submit(work, at)),
  );
  await eventually(async () =>
    (await kindsOnLog(t)).includes("breaker-opened"),
  );
  const ranWhenOpen = state.ran;
  assert.equal(ranWhenOpen, 3);
  assert.equal(await bus.call(other, 0), 1); // while the first waits
  state.isDown = false;
  const results = await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(
    results,
    tasks.map((_, at) => at),
  );
  await eventually(async () => (await kindsOnLog(t)).length === 3);
  assert.deepEqual(await kindsOnLog(t), [
    "breaker-opened",
    "breaker-half-opened",
    "breaker-closed",
  ]);
});

test("a probe that fails opens it for another rest", async (t) => {
  const bus = await shared.connect(t);
  const { state, definition } = shaky({
    breaker: { failures: 2, within: "10s", rest: "100ms" },
  });
  await bus.serve(definition, quiet);
  const task = await bus.submit(definition.skills.work, 7);
  await eventually(
    async () =>
      (await kindsOnLog(t)).filter((kind) => kind === "breaker-opened")
        .length >= 3,
  );
  state.isDown = false;
  assert.equal(await task.result(), 7);
  await eventually(
    async () => (await kindsOnLog(t)).at(-1) === "breaker-closed",
  );
  const kinds = await kindsOnLog(t);
  const opened = kinds.filter((kind) => kind === "breaker-opened").length;
  const halves = kinds.filter((kind) => kind === "breaker-half-opened").length;
  assert.equal(halves, opened);
});

test("four instances share one breaker: together they fail no more than allowed, and one probe passes", async (t) => {
  const { state, definition } = shaky({
    breaker: { failures: 5, within: "10s", rest: "1s", probes: 1 },
  });
  const buses = await Promise.all([1, 2, 3, 4].map(() => shared.connect(t)));
  for (const bus of buses)
    await bus.serve(definition, { ...quiet, concurrency: 1 });
  const tasks = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      buses[0]!.submit(definition.skills.work, at),
    ),
  );
  await eventually(async () => (await kindsOnLog(t)).length >= 3);
  const ran = state.ran;
  assert.ok(
    ran <= 5 + 4 + 1,
    `${ran} ran: 5 failures, those in hand, one probe`,
  );
  state.isDown = false;
  await Promise.all(tasks.map((task) => task.result()));
});

test("who asks while it is open is told so at once, and until when", async (t) => {
  const bus = await shared.connect(t);
  const { definition } = shaky({
    breaker: { failures: 1, rest: "1m" },
  });
  await bus.serve(definition, quiet);
  const { work } = definition.skills;
  await assert.rejects(bus.ask(work, 1), { code: "HANDLER_FAILED" });
  const refused = await eventually(() =>
    bus.ask(work, 1).then(
      () => undefined,
      (error: { code: string; retryable: boolean; data: object }) =>
        error.code === "BREAKER_OPEN" && error,
    ),
  );
  assert.ok(refused);
  assert.equal(refused.retryable, true);
  const { retryAt } = refused.data as { retryAt: number };
  assert.ok(retryAt > Date.now() + 30_000 && retryAt < Date.now() + 70_000);
});

test("what the skill refuses does not count", async (t) => {
  const bus = await shared.connect(t);
  const { state, definition } = shaky({ breaker: { failures: 1 } });
  state.isDown = false;
  await bus.serve(definition, quiet);
  const { work } = definition.skills;
  for (let at = 0; at < 3; at++)
    await assert.rejects(bus.call(work, -1), { code: "HANDLER_REFUSED" });
  await assert.rejects(bus.call("shaky.work", "text"), {
    code: "INPUT_INVALID",
  });
  assert.equal(await bus.call(work, 1), 1);
  assert.deepEqual(await kindsOnLog(t), []);
});

test("while it is open the fallback does the task, and the history says so", async (t) => {
  const bus = await shared.connect(t);
  const spare = agent("spare", {
    skills: {
      work: skill({
        description: "Works",
        input: z.number(),
        run: (number) => number * 2,
      }),
    },
  });
  const { state, definition } = shaky({
    breaker: { failures: 1, rest: "1m" },
    fallback: spare.skills.work,
  });
  await bus.serve(spare, quiet);
  await bus.serve(definition, quiet);
  const first = await bus.submit(definition.skills.work, 1);
  const second = await bus.submit(definition.skills.work, 2);
  assert.equal(await first.result(), 2);
  assert.equal(await second.result(), 4);
  assert.ok(state.ran <= 2);
  const events = await story(first);
  const fallback = events.find(({ kind }) => kind === "fallback");
  assert.deepEqual(fallback?.fallback, {
    agent: "spare",
    skill: "work",
    taskId: `${first.id}~${first.agent}~fallback`,
  });
  assert.equal(fallback.error?.code, "BREAKER_OPEN");
});

test("a task that failed for good goes to the fallback, and to a dead letter only when that fails, too", async (t) => {
  const bus = await shared.connect(t);
  const spare = agent("spare", {
    skills: {
      work: skill({
        description: "Works for some",
        input: z.number(),
        retry: once,
        run(number) {
          if (number === 13) throw new Error("not that");
          return number * 2;
        },
      }),
    },
  });
  const { definition } = shaky({ fallback: "spare.work" });
  const strict = agent("shaky", {
    skills: { work: { ...definition.skills.work, retry: once } },
  });
  await bus.serve(spare, quiet);
  await bus.serve(strict, quiet);
  assert.equal(await bus.call(strict.skills.work, 1), 2);
  await assert.rejects(bus.call(strict.skills.work, 13), {
    code: "HANDLER_FAILED",
    message: /down.*fallback spare\.work failed, too: not that/,
  });
  assert.deepEqual(await lettersOf(bus, "shaky"), [13]);
});

async function lettersOf(bus: Bus, name: string): Promise<unknown[]> {
  const inputs: unknown[] = [];
  for await (const letter of bus.deadLetters({ agent: name }))
    inputs.push(letter.input);
  return inputs;
}
