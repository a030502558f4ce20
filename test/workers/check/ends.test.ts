// How a handler ends when its journal is checked, beside how its task ended.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkJournal, refuse, type TaskContext } from "../../../index.js";
import { doer, gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import {
  check,
  recorded,
  trip,
  type Handler,
} from "../../support/checked-flow.js";

const shared = sharedServer();

test("another result differs, with the place in it", async (t) => {
  const journal = await recorded(shared, t, trip);
  const { difference, message } = await check(journal, async (task, n) => {
    const result = (await trip(task, n)) as { both: [{ at: Date }] };
    result.both[0].at = new Date(1000);
    return result;
  });
  assert.equal(difference?.kind, "output");
  assert.equal(difference.path, "both[0].at");
  assert.match(
    message,
    /at "both\[0\]\.at": expected "1970-01-01T00:00:00.000Z", found "1970-01-01T00:00:01.000Z"$/,
  );
});

test("an error where the task had completed differs, and so does a result where it had failed", async (t) => {
  const journal = await recorded(shared, t, (task) => task.step("a", () => 1));
  const failing: Handler = async (task) => {
    await task.step("a", () => 1, { undo: () => undefined });
    throw refuse("no more");
  };
  const error = await check(journal, failing);
  assert.deepEqual(error.difference, {
    kind: "error",
    place: 1,
    expected: "completed",
    found: "failed (HANDLER_REFUSED: no more)",
  });
  const failed = await recorded(shared, t, failing);
  assert.equal((await check(failed, failing)).message.includes(" fits "), true);
  const completed = await check(failed, (task) => task.step("a", () => 1));
  assert.match(
    completed.message,
    /expected failed \(HANDLER_REFUSED: no more\), found completed/,
  );
  const retried = await recorded(shared, t, async (task) => {
    await task.step("a", () => 1);
    throw new Error("always");
  });
  assert.equal(retried.error?.code, "ATTEMPTS_EXHAUSTED");
  const again = await check(retried, async (task) => {
    await task.step("a", () => 1);
    throw new Error("always");
  });
  assert.equal(again.fits, true, again.message);
});

test("a task that is to be tried again fits as it failed", async (t) => {
  const run: Handler = async (task) => {
    await task.step("a", () => 1);
    throw new Error("not yet");
  };
  const slow = { attempts: 2, first: "1h" } as const;
  const bus = await shared.connect(t);
  await bus.serve(
    doer((_n, task) => run(task, 0), { retry: slow }),
    quiet,
  );
  const task = await bus.submit("doer.do", 7);
  const journal = await eventually(async () => {
    const found = await bus.journal(task.id);
    return found.error ? found : undefined;
  });
  const again = doer((_n, task) => run(task, 0));
  assert.equal((await checkJournal(again, journal!)).fits, true);
  const other = doer(() => Promise.reject(new Error("not")));
  assert.equal((await checkJournal(other, journal!)).difference?.kind, "step");
});

for (const [end, more] of [
  ["canceled", {}],
  ["ended by its deadline", { deadline: "2s" }],
] as const)
  test(`a task that was ${end} fits, whatever end its handler would have come to`, async (t) => {
    const bus = await shared.connect(t);
    const ends: Record<string, (task: TaskContext) => unknown> = {
      fails: () => Promise.reject(refuse("no more")),
      returns: () => Promise.resolve("done"),
      waits: (task) => task.waitFor("go"),
    };
    const { opened, open } = gate();
    const run = async (input: unknown, task: TaskContext) => {
      await task.step("a", () => 1);
      await opened;
      return ends[input as string]!(task);
    };
    const definition = doer(run);
    await bus.serve(definition, quiet);
    const tasks = await Promise.all(
      Object.keys(ends).map((each) => bus.submit("doer.do", each, more)),
    );
    for (const task of tasks) {
      await eventually(async () => {
        const { entries } = await bus.journal(task.id);
        return entries.length > 0;
      });
      if (end === "canceled") await task.cancel("enough");
      await assert.rejects(task.result());
    }
    open();
    for (const { id } of tasks) {
      const result = await checkJournal(definition, await bus.journal(id));
      assert.equal(result.fits, true, result.message);
    }
  });

test("a failed step is told to the handler as it was", async (t) => {
  const run: Handler = async (task) => {
    try {
      await task.step("bad", () => Promise.reject(new Error("no")), {
        retry: { attempts: 1 },
      });
    } catch (error) {
      return (error as Error).message;
    }
  };
  const journal = await recorded(shared, t, run);
  assert.equal((await check(journal, run)).fits, true);
});

test("a task under way fits as far as it has come", async (t) => {
  const run: Handler = async (task) => {
    await task.step("a", () => 1);
    await task.waitFor("go");
    return task.step("b", () => 2);
  };
  const journal = await recorded(
    shared,
    t,
    run,
    ({ waitsFor }) => waitsFor !== undefined,
  );
  assert.equal((await check(journal, run)).fits, true);
  const other = await check(journal, async (task) => {
    await task.step("a", () => 1);
    await task.waitFor("went");
  });
  assert.equal(other.difference?.expected, 'signal "go"');
});
