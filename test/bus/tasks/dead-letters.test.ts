import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type DeadLetter,
  type DeadLetterFilter,
} from "../../../index.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;
const input = z.object({ good: z.boolean() });
const runs = new Map<string, number>();

const judge = agent("judge", {
  skills: {
    check: skill({
      description: "Takes good input only",
      input,
      retry: { attempts: 2, first: "1ms" },
      run({ good }, task) {
        runs.set(task.id, (runs.get(task.id) ?? 0) + 1);
        if (!good) throw new Error(`bad at attempt ${task.attempt}`);
        return { at: task.level, key: task.key };
      },
    }),
  },
});

const served = async (t: TestContext) => {
  const bus = await shared.connect(t);
  await bus.serve(judge, quiet);
  return bus;
};
const die = (bus: Bus, id: string, more: { key?: string } = {}) =>
  assert.rejects(
    bus.call(judge.skills.check, { good: false }, { id, ...more }),
    { code: "ATTEMPTS_EXHAUSTED" },
  );
const letters = async (bus: Bus, filter: DeadLetterFilter = {}) => {
  const found: DeadLetter[] = [];
  for await (const letter of bus.deadLetters(filter)) found.push(letter);
  return found;
};
const ids = async (bus: Bus, filter: DeadLetterFilter = {}) =>
  (await letters(bus, filter)).map(({ taskId }) => taskId);

test("where nobody died there are no letters", async (t) => {
  assert.deepEqual(await letters(await shared.connect(t)), []);
});

test("a letter tells what the task was, why it died and what it went through", async (t) => {
  const bus = await served(t);
  await die(bus, "t1");
  const [letter] = await letters(await shared.connect(t));
  assert.ok(letter);
  assert.deepEqual(
    [letter.taskId, letter.agent, letter.skill, letter.code, letter.attempts],
    ["t1", "judge", "check", "ATTEMPTS_EXHAUSTED", 2],
  );
  assert.match(letter.error, /all 2 attempts failed.*bad at attempt 2/);
  assert.deepEqual(letter.input, { good: false });
  assert.deepEqual(
    letter.history.map(({ kind, attempt, error }) => [kind, attempt, error]),
    [["attempt", 1, "bad at attempt 1"]],
  );
  assert.ok(Math.abs(letter.at.getTime() - Date.now()) < 60_000);
});

test("letters are found by agent, skill, task and error", async (t) => {
  const bus = await served(t);
  await die(bus, "t1");
  await assert.rejects(
    bus.call({ agent: "judge", name: "nothing", input: z.any() }, 1, {
      id: "t2",
    }),
    { code: "SKILL_UNKNOWN" },
  );
  assert.deepEqual(await ids(bus), ["t1", "t2"]);
  assert.deepEqual(await ids(bus, { agent: "judge" }), ["t1", "t2"]);
  assert.deepEqual(await ids(bus, { agent: "nobody" }), []);
  assert.deepEqual(await ids(bus, { skill: "nothing" }), ["t2"]);
  assert.deepEqual(await ids(bus, { task: "t1" }), ["t1"]);
  assert.deepEqual(await ids(bus, { error: "SKILL_UNKNOWN" }), ["t2"]);
});

test("a letter with mended input is redriven as a new task, and is gone then", async (t) => {
  const bus = await served(t);
  await die(bus, "t1");
  const [letter] = await letters(bus);
  const id = await letter!.redrive({
    input: { good: true },
    priority: "critical",
  });
  assert.notEqual(id, "t1");
  assert.deepEqual(await bus.task(id).result(), { at: "critical" });
  assert.deepEqual(await letters(bus), []);
  assert.equal(await bus.task("t1").state(), "failed");
});

test("a letter redriven as it is dies again, with a letter of its own", async (t) => {
  const bus = await served(t);
  await die(bus, "t1");
  const [letter] = await letters(bus);
  const id = await letter!.redrive();
  await assert.rejects(bus.task(id).result(), { code: "ATTEMPTS_EXHAUSTED" });
  const [again, ...others] = await letters(bus);
  assert.equal(again?.taskId, id);
  assert.deepEqual(others, []);
  assert.deepEqual(again.input, { good: false });
});

test("one letter redriven twice, by two people at once, is one task", async (t) => {
  const bus = await served(t);
  await die(bus, "twice");
  const [mine] = await letters(bus);
  const [theirs] = await letters(await shared.connect(t));
  const mended = { input: { good: true } };
  const [one, other] = await Promise.all([
    mine!.redrive(mended),
    theirs!.redrive(mended),
  ]);
  assert.equal(one, other);
  await bus.task(one).result();
  await mine!.redrive(mended);
  // Whatever is behind it in the queue comes after it.
  await bus.call(judge.skills.check, { good: true }, { priority: "low" });
  assert.equal(runs.get(one), 1);
});

test("a keyed letter goes back to the queue of its key, also with an id of odd characters", async (t) => {
  const bus = await served(t);
  await die(bus, "t 1.*", { key: "k" });
  const [letter] = await letters(bus);
  assert.equal(letter?.taskId, "t 1.*");
  const id = await letter.redrive({ input: { good: true } });
  assert.deepEqual(await bus.task(id).result({ timeout: "5s" }), {
    at: "normal",
    key: "k",
  });
});

test("a letter of a task with the longest id there can be is redriven, too", async (t) => {
  const bus = await served(t);
  await die(bus, "x".repeat(256));
  const [letter] = await letters(bus);
  const id = await letter!.redrive({ input: { good: true } });
  await bus.task(id).result({ timeout: "5s" });
  assert.deepEqual(await letters(bus), []);
});

test("a purged letter is gone, and purging it again is no error", async (t) => {
  const bus = await served(t);
  await die(bus, "t1");
  await die(bus, "t2");
  const [first] = await letters(bus);
  await first!.purge();
  await first!.purge();
  assert.deepEqual(await ids(bus), ["t2"]);
});

test("more letters than one page come all, oldest first", async (t) => {
  const bus = await served(t);
  const names = Array.from({ length: 600 }, (_, at) => `t${at}`);
  const target = { agent: "judge", name: "nothing", input: z.any() };
  await Promise.all(
    names.map((id) =>
      assert.rejects(bus.call(target, 1, { id }), { code: "SKILL_UNKNOWN" }),
    ),
  );
  const found = await letters(bus);
  assert.equal(new Set(found.map(({ taskId }) => taskId)).size, names.length);
  const places = found.map(({ sequence }) => sequence);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});
