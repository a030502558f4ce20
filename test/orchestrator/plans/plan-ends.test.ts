// What is under way when a plan fails.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { z } from "zod";
import { agent, checkJournal, refuse, skill } from "../../../index.js";
import type { JournalEntry } from "../../../protocol/journal.js";
import { deskBus, ref } from "../../support/desk-bus.js";
import { quiet } from "../../support/doer.js";

const at = deskBus();
const undo = (name: string) => ({
  undo: { call: "desk.undo", input: { id: ref(`steps.${name}.id`) } },
});
const change = "no call is made again when the plan is over";

/** Fails after 800 ms, then takes 3 s and succeeds. */
function moody() {
  let calls = 0;
  const run = skill({
    description: "Fails once",
    input: z.looseObject({}),
    retry: { attempts: 1 },
    async run() {
      const isFirst = ++calls === 1;
      await pause(isFirst ? 800 : 3_000);
      if (isFirst) throw refuse("not yet");
      return { id: "moody-1" };
    },
  });
  const made = agent("moody", { version: "1.0.0", skills: { run } });
  return { agent: made, calls: () => calls };
}

test("no call is made again when the plan has failed, so that nothing is done that is not undone", async (t) => {
  const { agent, calls } = moody();
  const worker = await at.bus.serve(agent, quiet);
  t.after(() => worker.drain());
  const fails = {
    name: "f",
    steps: [
      { name: "soon", wait: 300 },
      { name: "bad", call: "desk.fail", input: { why: "no" } },
    ],
  };
  const retry = { attempts: 3, first: "50ms" };
  const again = { name: "a", call: "moody.run", retry, ...undo("a") };
  const input = { ms: 2_000, id: "slow-1" };
  const slow = { name: "b", call: "desk.slowly", input, ...undo("b") };
  const steps = [{ name: "p", parallel: [fails, again, slow] }];
  const task = await at.bus.plans.run({ steps });
  await assert.rejects(task.result(), { message: /step "bad" failed/ });
  assert.deepEqual(at.desk.log, ["undo slow-1"]);
  assert.equal(calls(), 1);
  const journal = await at.bus.journal(task.id);
  const orchestrator = await at.bus.orchestrate({ signals: false });
  const { fits, message } = await checkJournal(orchestrator.agent, journal);
  assert.ok(fits, message);
});

test("plans in which calls were made again after their end, by an earlier version, go on so", async () => {
  const retry = { attempts: 2, first: 1 };
  const fail = { call: "desk.fail", input: { why: "no" } };
  const steps = [
    {
      name: "p",
      parallel: [
        { name: "f", ...fail },
        { name: "a", ...fail, retry },
        { name: "b", call: "desk.slowly", input: { ms: 100 } },
      ],
    },
  ];
  const task = await at.bus.plans.run({ steps });
  await task.result().catch(() => undefined);
  const journal = await at.bus.journal(task.id);
  const failed = journal.entries.filter(({ kind }) => kind === "failed");
  const { error } = failed[0] as Extract<JournalEntry, { kind: "failed" }>;
  const undoing = journal.entries.find(({ kind }) => kind === "undoing");
  const of = (op: number, name: string, type = "call") => ({
    op,
    type,
    name,
    at: 1,
  });
  const entries = [
    { kind: "done", ...of(0, "plan", "step"), value: { params: {} } },
    { kind: "failed", ...of(1, "f"), error },
    { kind: "failed", ...of(2, "a"), error },
    { kind: "begun", ...of(4, "sleep", "sleep"), until: 2 },
    { kind: "done", ...of(4, "sleep", "sleep") },
    { kind: "failed", ...of(5, "a"), error },
    { kind: "done", ...of(3, "b"), value: { ms: 100 } },
    ...(undoing ? [undoing] : []),
  ] as JournalEntry[];
  const { agent } = await at.bus.orchestrate({ signals: false });
  const check = (written: JournalEntry[]) =>
    checkJournal(agent, { ...journal, entries: written });
  const { fits, message } = await check(entries);
  assert.ok(fits, message);
  entries.splice(3, 0, { kind: "patched", name: change, at: 1 });
  assert.equal((await check(entries)).fits, false);
});
