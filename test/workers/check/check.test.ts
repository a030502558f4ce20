import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import {
  agent,
  checkJournal,
  refuse,
  skill,
  toJournalFile,
} from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";
import {
  check,
  flow,
  recorded,
  trip,
  type Handler,
} from "../../support/checked-flow.js";

const shared = sharedServer();

test("a handler fits the journal that it left, and nothing is done again", async (t) => {
  const journal = await recorded(shared, t, trip);
  const before = Date.now();
  const result = await check(journal, trip);
  assert.equal(
    result.message,
    'the handler of flow.run in version 0.0.0 fits the journal of task "' +
      journal.taskId +
      '"',
  );
  assert.equal(result.fits, true);
  let effects = 0;
  await check(journal, async (task) => {
    await task.step("a", () => effects++);
    await task.step("b", () => effects++);
    await task.step("new", () => effects++);
  });
  assert.equal(effects, 0);
  assert.ok(Date.now() - before < 5_000);
});

test("the first other step is named, with the one expected", async (t) => {
  const journal = await recorded(shared, t, trip);
  const { fits, difference, message } = await check(journal, async (task) => {
    await task.step("a", () => 1);
    await task.step("c", () => 1);
  });
  assert.equal(fits, false);
  assert.deepEqual(difference, {
    kind: "step",
    place: 1,
    expected: 'step "b"',
    found: 'step "c"',
  });
  assert.match(message, /at place 1 expected step "b", found step "c"$/);
});

test("a handler that ends before its journal does, or fails there, differs", async (t) => {
  const journal = await recorded(shared, t, trip);
  const early = await check(journal, (task) => task.step("a", () => 1));
  assert.deepEqual(early.difference, {
    kind: "step",
    place: 1,
    expected: 'step "b"',
    found: "the end of the handler",
  });
  const failing = await check(journal, () => {
    throw new Error("oh");
  });
  assert.equal(failing.difference?.found, "the end of the handler: oh");
});

test("a handler that goes on after the end of its journal differs, and the check ends by itself", async (t) => {
  const journal = await recorded(shared, t, (task) => task.step("a", () => 1));
  const more: [Handler, string][] = [
    [(task) => task.step("more", () => 1), 'step "more"'],
    [(task) => task.waitFor("go"), 'signal "go"'],
    [(task) => task.sleep("1h"), 'sleep "sleep"'],
    [(task) => task.call("flow.double", 1), 'call "flow.double"'],
    [(task) => task.continueAs(1), "continueAs"],
  ];
  for (const [then, found] of more) {
    const { difference, message } = await check(journal, async (task, n) => {
      await task.step("a", () => 1);
      return then(task, n);
    });
    assert.equal(difference?.kind, "goes on");
    assert.equal(difference.found, found);
    assert.ok(
      message.includes(`after the journal's end with ${found}`),
      message,
    );
  }
});

test("a handler that waits for an operation that never ended stands there", async (t) => {
  const journal = await recorded(shared, t, async (task) => {
    await task.race<unknown>([task.sleep("1h"), task.step("quick", () => 2)]);
    return task.step("then", () => 3);
  });
  const { difference } = await check(journal, async (task) => {
    await task.all([task.sleep("1h"), task.step("quick", () => 2)]);
    return task.step("then", () => 3);
  });
  assert.deepEqual(difference, {
    kind: "step",
    place: 2,
    expected: 'step "then"',
    found: 'a wait for sleep "sleep"',
  });
});

test("a handler that awaits something else is given a time for it, and then told so", async (t) => {
  const run: Handler = async (task) => {
    await task.step("a", () => 1);
    return task.step("b", () => 2);
  };
  const journal = await recorded(shared, t, run);
  const late = flow(async (task) => {
    await task.step("a", () => 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return task.step("b", () => 2);
  });
  const slow = await checkJournal(late, journal);
  assert.equal(slow.fits, true, slow.message);
  const { difference, message } = await check(journal, async (task) => {
    await task.step("a", () => 1);
    await new Promise(() => undefined);
  });
  assert.equal(difference?.kind, "stuck");
  assert.match(
    message,
    /after 1 operations expected step "b", found a wait of 300ms for something else: .* task\.step/,
  );
});

test("an input that today's schema refuses differs", async (t) => {
  const journal = await recorded(shared, t, (task) => task.step("a", () => 1));
  const { difference } = await check(journal, () => 1, z.string());
  assert.equal(difference?.kind, "input");
  assert.match(difference.found, /expected string/);
});

test("a change that is guarded by patched() fits a journal from before it", async (t) => {
  const journal = await recorded(shared, t, async (task) => {
    await task.step("a", () => 1);
    return task.step("b", () => 2);
  });
  const { message } = await check(journal, async (task) => {
    await task.step("a", () => 1);
    if (task.patched("no b")) return 2;
    const b = await task.step("b", () => 2);
    if (task.patched("audit")) await task.step("audit", () => 0);
    return b;
  });
  assert.match(message, / fits /);
});

test("the journals of forks and of tasks that went on with another input are checked with what they draw", async (t) => {
  const bus = await shared.connect(t);
  const run: Handler = async (task, n) => {
    const uuid = task.uuid();
    await task.step("a", () => n);
    if (n > 5) return task.continueAs(n - 1);
    return { n, uuid };
  };
  await bus.serve(flow(run), quiet);
  await bus.call("flow.run", 7, { id: "old" });
  const journal = await bus.journal("old");
  assert.match((await check(journal, run)).message, / fits /);
  const fork = await bus.fork("old", { before: "a" });
  await fork.result();
  assert.match(
    (await check(await bus.journal(fork.id), run)).message,
    / fits /,
  );
});

test("a journal survives its way through a file, with dates and bytes", async (t) => {
  const journal = await recorded(shared, t, trip);
  const text = JSON.stringify(toJournalFile(journal));
  assert.equal((await checkJournal(flow(trip), text)).fits, true);
  assert.equal((await checkJournal(flow(trip), JSON.parse(text))).fits, true);
  const failed = await recorded(shared, t, async (task) => {
    await task.step("$odd", () => ({ $date: "no date", n: Number.NaN }));
    throw refuse("over");
  });
  const back = JSON.parse(JSON.stringify(toJournalFile(failed)));
  const { message } = await checkJournal(
    flow(async (task) => {
      const odd = await task.step("$odd", () => ({}));
      assert.deepEqual(odd, { $date: "no date", n: Number.NaN });
      throw refuse("over");
    }),
    back,
  );
  assert.match(message, / fits /);
});

test("what is no journal, or of another agent, is refused", async () => {
  const other = agent("other", {
    skills: {
      go: skill({ description: "Goes", input: z.any(), run: () => 1 }),
    },
  });
  const file = {
    troupeJournal: 1,
    task: { id: "x", agent: "flow", skill: "run" },
    entries: [],
    signals: [],
  };
  await assert.rejects(checkJournal(other, file), { code: "SKILL_UNKNOWN" });
  const wrong: [unknown, RegExp][] = [
    ["{", /it is no JSON/],
    [{}, /it is no journal: npx troupe journal export/],
    [{ ...file, troupeJournal: 2 }, /form 2 is not 1/],
    [{ ...file, entries: [{ kind: "other" }] }, /entries\[0\]/],
  ];
  for (const [given, message] of wrong)
    await assert.rejects(checkJournal(other, given as string), {
      code: "ARGUMENT_INVALID",
      message,
    });
});
