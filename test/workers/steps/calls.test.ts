import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import {
  agent,
  skill,
  type TaskContext,
  type TroupeError,
} from "../../../index.js";
import { isCompletion } from "../../../protocol/journal.js";
import { partitionOf } from "../../../protocol/subjects.js";
import { keyToken } from "../../../protocol/tokens.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

function caller(run: (task: TaskContext) => unknown) {
  const description = "Calls";
  return agent("caller", {
    skills: {
      run: skill({
        description,
        input: z.any(),
        retry: { attempts: 1 },
        run: (_, task) => run(task),
      }),
      book: skill({
        description,
        input: z.string(),
        run: (what) => ({ booking: `${what}-1` }),
      }),
    },
  });
}

test("a call that was done is undone with its output when the task fails later, among steps in their order", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const undo = (what: unknown) => undone.push(JSON.stringify(what));
  await bus.serve(
    caller(async (task) => {
      await task.call("caller.book", "flight", { undo });
      await task.step("note", () => "noted", { undo });
      await task.call("caller.book", "hotel", { undo, name: "hotel" });
      await task.call("caller.book", "car");
      await assert.rejects(task.call("caller.book", 5, { undo }), {
        code: "INPUT_INVALID",
      });
      throw new Error("no room");
    }),
    quiet,
  );
  await assert.rejects(bus.call("caller.run", {}), { message: /no room/ });
  assert.deepEqual(undone, [
    '{"booking":"hotel-1"}',
    '"noted"',
    '{"booking":"flight-1"}',
  ]);
});

test("a call whose signal is aborted is canceled, and one that begins after that is never sent", async (t) => {
  const bus = await shared.connect(t);
  const never = new Promise(() => undefined);
  let runs = 0;
  await bus.serve(
    caller(async (task) => {
      runs++;
      const loser = new AbortController();
      const { signal } = loser;
      const slow = task.call("waiter.wait", {}, { signal });
      await task.step("fast", () => 1);
      loser.abort();
      const late = task.call("waiter.wait", {}, { signal });
      const ends = await Promise.allSettled([slow, late]);
      await task.sleep("1600ms"); // it is run again from its top
      return ends.map((end) => end.status === "rejected" && end.reason.code);
    }),
    quiet,
  );
  const wait = skill({
    description: "Waits",
    input: z.any(),
    run: () => never,
  });
  await bus.serve(agent("waiter", { skills: { wait } }), quiet);
  const codes = await bus.call("caller.run", {}, { timeout: "1m" });
  assert.deepEqual(codes, ["TASK_CANCELED", "TASK_CANCELED"]);
  assert.ok(runs > 1);
  const tasks = await bus.tasks({ agent: "waiter" });
  assert.deepEqual(
    tasks.map(({ state }) => state),
    ["canceled"],
  );
});

test("the journal says how long a call took, and tells of one that is waited for elsewhere", async (t) => {
  const bus = await shared.connect(t);
  const slow = agent("slow", {
    skills: {
      wait: skill({
        description: "Takes so many milliseconds",
        input: z.number(),
        run: (ms) => new Promise((resolve) => setTimeout(resolve, ms, ms)),
      }),
    },
  });
  await bus.serve(slow, quiet);
  const worker = await bus.serve(
    caller(async (task) => {
      await task.call("slow.wait", 50);
      await task.call("slow.wait", 1500);
    }),
    quiet,
  );
  const task = await bus.submit("caller.run", {}, { id: "p" });
  await eventually(() => worker.counts.parked === 1);
  const { entries } = await bus.journal("p");
  const begun = entries.at(-1);
  assert.ok(begun?.kind === "begun");
  const { op, type, agent: whom, skill: what } = begun;
  assert.deepEqual([op, type, whom, what], [1, "call", "slow", "wait"]);
  await task.result();
  const [short, long] = (await bus.journal("p")).entries.filter(isCompletion);
  assert.ok(short?.tookMs !== undefined && short.tookMs >= 40);
  assert.ok(long !== undefined && long.at - begun.at >= 1400);
  assert.equal(long.tookMs, undefined); // its beginning stands on the journal
});

test("a task with a key is refused to wait for one of its agent that stands behind it, and for no other", async (t) => {
  const bus = await shared.connect(t);
  const place = (key: string) => partitionOf(keyToken(key));
  const others = Array.from({ length: 500 }, (_, n) => `key-${n}`);
  const sharing = others.find((key) => place(key) === place("k"))!;
  const apart = others.find((key) => place(key) !== place("k"))!;
  const ways: Record<string, (task: TaskContext) => Promise<unknown>> = {
    "the same key": (task) => task.call("caller.book", "a", { key: "k" }),
    "a key that shares its queue": (task) =>
      task.call("caller.book", "a", { key: sharing }),
    "another key": (task) => task.call("caller.book", "a", { key: apart }),
    "no key": (task) => task.call("caller.book", "a"),
    "another lane": (task) =>
      task.call("caller.book", "a", { key: "k", lane: "other" }),
    "another agent": (task) => task.call("other.book", "a", { key: "k" }),
    "no wait": (task) => task.submit("caller.book", "a", { key: "k" }),
  };
  const definition = caller(async (task) => {
    const came: string[] = [];
    for (const [how, call] of Object.entries(ways))
      try {
        await call(task);
        came.push(how);
      } catch (error) {
        assert.equal((error as TroupeError).code, "ARGUMENT_INVALID");
        assert.match((error as TroupeError).message, /would wait for ever/);
      }
    return came;
  });
  await bus.serve(definition, quiet);
  await bus.serve(definition, { ...quiet, lane: "other" });
  const { book } = definition.skills;
  await bus.serve(agent("other", { skills: { book } }), quiet);
  assert.deepEqual(
    await bus.call("caller.run", {}, { key: "k", timeout: "10s" }),
    ["another key", "no key", "another lane", "another agent", "no wait"],
  );
});
