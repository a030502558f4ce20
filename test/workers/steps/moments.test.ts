// What happens at the same moment as the end of a handler, or as its being called off: it is undone once, and wholly.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  refuse,
  type Bus,
  type StepOptions,
  type TaskContext,
} from "../../../index.js";
import { isCompletion } from "../../../protocol/journal.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const rounds = 40;

/** The undos of each task, in order. */
class Undone {
  readonly #of = new Map<string, string[]>();

  of(taskId: string): string[] {
    const known = this.#of.get(taskId) ?? [];
    this.#of.set(taskId, known);
    return known;
  }

  by(task: TaskContext, name: string): Pick<StepOptions<unknown>, "undo"> {
    return { undo: () => void this.of(task.id).push(name) };
  }
}

async function completionsOf(bus: Bus, taskId: string, op: number) {
  const { entries } = await bus.journal(taskId);
  return entries.filter((entry) => isCompletion(entry) && entry.op === op);
}

for (const isBusy of [false, true])
  test(`a child that completes while its parent begins to undo is undone once (${isBusy ? "with" : "without"} a step at work)`, async (t) => {
    const bus = await shared.connect(t);
    const undone = new Undone();
    const child = doer(() => 7);
    await (await shared.connect(t)).serve(child, quiet);
    let longest = 0;
    await serveSaga(
      bus,
      async (task) => {
        await task.step("a", () => 1, undone.by(task, "a"));
        void task.call(child.skills.do, {}, undone.by(task, "child"));
        if (isBusy)
          void task.step("slow", () => pause(40), undone.by(task, "slow"));
        await pause((longest = (longest + 1) % 10));
        throw refuse("no");
      },
      { serve: { concurrency: 20 } },
    );
    const tasks = await Promise.all(
      Array.from({ length: rounds }, () => bus.submit("saga.run", {})),
    );
    for (const { id } of tasks) {
      await assert.rejects(bus.task(id).result(), { message: "no" });
      const [call] = await completionsOf(bus, id, 1);
      const times = undone.of(id).filter((name) => name === "child").length;
      const isDone = call?.kind === "done";
      assert.equal(times, isDone ? 1 : 0, JSON.stringify(undone.of(id)));
      assert.ok((await completionsOf(bus, id, 1)).length <= 1);
      const ended = await bus.find(`${id}~saga~1`);
      if (ended?.state === "completed") assert.ok(isDone, id);
      assert.equal(undone.of(id).at(-1), "a");
    }
  });

test("a task that is canceled while it is about to continue is undone wholly, or goes on", async (t) => {
  const bus = await shared.connect(t);
  const undone = new Undone();
  const continuing = new Set<string>();
  await serveSaga(
    bus,
    async (task, input) => {
      if (input === "again") return task.waitFor("never");
      for (const name of ["a", "b"])
        await task.step(name, () => name, undone.by(task, name));
      await task.now();
      continuing.add(task.id);
      return task.continueAs("again");
    },
    { serve: { concurrency: 20 } },
  );
  const outcomes = await Promise.all(
    Array.from({ length: rounds }, async (_, at) => {
      const task = await bus.submit("saga.run", "begin");
      await eventually(() => continuing.has(task.id));
      await pause(at % 12);
      await task.cancel("enough");
      await assert.rejects(task.result(), { code: "TASK_CANCELED" });
      return undone.of(task.id).join();
    }),
  );
  for (const outcome of outcomes) assert.ok(["b,a", ""].includes(outcome));
});

test("a handler that hangs when it is run again to be undone gives its slot back, and is undone when it does not", async (t) => {
  const bus = await shared.connect(t);
  const undone = new Undone();
  let hangs = false;
  let hung = 0;
  const { worker } = await serveSaga(
    bus,
    async (task) => {
      await task.step("a", () => 1, undone.by(task, "a"));
      if (hangs) {
        hung++;
        await new Promise(() => undefined);
      }
      await task.step("b", () => 1);
      await task.waitFor("go");
    },
    { timeout: "500ms", serve: { concurrency: 1 } },
  );
  const task = await bus.submit("saga.run", {});
  await eventually(() => worker.counts.parked === 1);
  hangs = true;
  await task.cancel("enough");
  await eventually(() => hung === 1);
  await eventually(() => worker.counts.returned > 0);
  hangs = false;
  await assert.rejects(task.result({ timeout: "1m" }), {
    code: "TASK_CANCELED",
  });
  assert.deepEqual(undone.of(task.id), ["a"]);
});
