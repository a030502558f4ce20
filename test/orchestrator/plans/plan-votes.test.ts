// Votes that are decided before all voters have voted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkJournal } from "../../../index.js";
import type { JournalEntry } from "../../../protocol/journal.js";
import type { Verdict } from "../../../protocol/plan/ballots.js";
import { deskBus, ref } from "../../support/desk-bus.js";
import { eventually } from "../../support/eventually.js";

const at = deskBus();

const slow = { call: "desk.slowly", input: { ms: 120_000 } };
const say = (choice: string) => ({ call: "desk.say", input: { choice } });
const notNeeded = { voter: "desk.slowly", weight: 1, notNeeded: true };

const slowTasks = async () =>
  (await at.bus.tasks({ agent: "desk", limit: 100 })).filter(
    ({ skill }) => skill === "slowly",
  );

test("a vote that is decided waits for nobody, cancels the rest, and goes the same way when it is run again", async () => {
  const vote = {
    name: "v",
    vote: [slow, say("a"), say("b"), say("a"), say("a")],
    choice: "choice",
  };
  const steps = [
    vote,
    { name: "ok", approve: ref("steps.v.choice") },
    { name: "last", value: ref("steps.v") },
  ];
  const task = await at.bus.plans.run({ steps });
  await eventually(async () => {
    const { state } = (await at.bus.find(task.id))!;
    return state === "input-required";
  });
  const [canceled, ...others] = await slowTasks();
  assert.deepEqual(others, []);
  assert.equal(canceled?.state, "canceled");
  assert.match(canceled.error!.message, /which called it, needs it no more/);
  await at.bus.plans.answer(task.id, "ok", { approved: true });
  const { choice, weight, total, ballots } = (await task.result()) as Verdict;
  assert.deepEqual([choice, weight, total], ["a", 3, 5]);
  assert.deepEqual(ballots[0], notNeeded);
  const { agent } = await at.bus.orchestrate({ signals: false });
  const journal = await at.bus.journal(task.id);
  const { fits, message } = await checkJournal(agent, journal);
  assert.ok(fits, message);
  const asked = journal.entries.find(
    (entry) => entry.kind === "done" && entry.name === "ok",
  );
  const before = asked?.kind === "done" ? asked.op : -1;
  const fork = await at.bus.fork(task.id, { before });
  await at.bus.plans.answer(fork.id, "ok", { approved: true });
  assert.deepEqual(await fork.result(), await task.result());
  assert.equal((await slowTasks()).length, 1);
});

test("a vote that nobody can win any more fails at once, and says who was not waited for", async () => {
  const fail = { call: "desk.fail", input: { why: "ill" } };
  await assert.rejects(at.run([{ name: "v", vote: [fail, slow, fail] }]), {
    code: "VOTE_UNDECIDED",
    message: /failed \(HANDLER_REFUSED\), desk\.slowly was not waited for, /,
  });
  await eventually(async () =>
    (await slowTasks()).every(({ state }) => state === "canceled"),
  );
});

test("who is to be asked again later is not, when the vote has been decided", async () => {
  const flaky = { call: "desk.flaky", input: { name: "voter", times: 5 } };
  const vote = {
    name: "v",
    vote: [flaky, say("a"), say("a")],
    choice: "choice",
    retry: { attempts: 2, first: "1h" },
  };
  const steps = [
    vote,
    { name: "pause", wait: "1200ms" },
    { name: "w", value: ref("steps.v") },
  ];
  const task = await at.bus.plans.run({ steps });
  const { ballots } = (await task.result()) as Verdict;
  assert.deepEqual(ballots[0], {
    voter: "desk.flaky",
    weight: 1,
    notNeeded: true,
  });
});

test("a voter that is a plan and has used up its own budget has failed, and the others decide", async () => {
  const each = { name: "m", map: [1, 2], do: [{ name: "s", ...say("b") }] };
  await at.bus.plans.put("poor", { budget: { attempts: 1 }, steps: [each] });
  const poor = { call: "orchestrator.plan.run", input: { plan: "poor" } };
  const vote = { name: "v", vote: [poor, say("a")], choice: "choice" };
  const verdict = await at.run([{ ...vote, otherwise: "continue" }]);
  const { decided, ballots } = verdict as Verdict;
  assert.equal(decided, false);
  assert.equal(ballots[0]?.error?.code, "BUDGET_EXCEEDED");
  assert.equal(ballots[1]?.choice, "a");
  const flaky = { call: "desk.flaky", input: { name: "voter", times: 5 } };
  const again = {
    ...vote,
    vote: [flaky, say("a")],
    retry: { attempts: 2, first: 1 },
  };
  const own = at.run([again], { budget: { attempts: 2 } });
  await assert.rejects(own, {
    code: "BUDGET_EXCEEDED",
    message: /step "v" failed: the plan has made the 2 calls/,
  });
});

test("plans that were past a vote before votes ended early wait for all of them", async () => {
  const vote = [say("a"), say("a"), say("b")];
  const retry = { attempts: 2, first: 1 };
  const steps = [
    { name: "v", vote, choice: "choice", retry },
    { name: "next", call: "desk.say", input: { is: ref("steps.v.choice") } },
  ];
  const task = await at.bus.plans.run({ steps });
  await task.result();
  const journal = await at.bus.journal(task.id);
  const done = (op: number, name: string, value: unknown, type = "call") =>
    ({ kind: "done", op, type, name, at: 1, value }) as JournalEntry;
  const error = { code: -32_000, message: "ill", data: {} };
  // As an earlier version wrote it: the third voter, who came too late, failed and was asked again.
  const entries: JournalEntry[] = [
    done(0, "plan", { params: {} }, "step"),
    done(1, "v#0", { choice: "a" }),
    done(2, "v#1", { choice: "a" }),
    { kind: "failed", op: 3, type: "call", name: "v#2", at: 1, error },
    { kind: "begun", op: 4, type: "sleep", name: "sleep", at: 1, until: 2 },
    done(4, "sleep", undefined, "sleep"),
    done(5, "v#2", { choice: "b" }),
    done(6, "next", { is: "a" }),
  ];
  const { agent } = await at.bus.orchestrate({ signals: false });
  const check = (written: JournalEntry[]) =>
    checkJournal(agent, { ...journal, entries: written, output: { is: "a" } });
  const { fits, message } = await check(entries);
  assert.ok(fits, message);
  const name = "votes end when they are certain";
  entries.splice(1, 0, { kind: "patched", name, at: 1 });
  assert.equal((await check(entries)).fits, false);
});
