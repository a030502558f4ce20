// How a workflow ends: undone, canceled, with its children, or as another input.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import type { TaskContext } from "../../../index.js";
import { garbageCollector } from "../../../bench/memory.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { serveFlow, type FlowHandler } from "../../support/stepping-flow.js";

const shared = sharedServer();

const flow = async (t: TestContext, run: FlowHandler) => {
  const bus = await shared.connect(t);
  return { bus, ...(await serveFlow(bus, run)) };
};

test("what was done is undone in reverse order when the task fails, and nothing twice", async (t) => {
  const log: string[] = [];
  const { bus } = await flow(t, async (task) => {
    for (const name of ["a", "b", "c"])
      await task.step(name, () => `${name}!`, {
        undo: (result, { attempt }) => {
          log.push(`${result}${attempt}`);
          if (name === "b" && attempt === 1) throw new Error("not yet");
        },
        retry: { attempts: 2, first: "5ms" },
      });
    throw Object.assign(new Error("broken"), { retryable: false });
  });
  await assert.rejects(bus.call("flow.run", {}), /broken/);
  assert.deepEqual(log, ["c!1", "b!1", "b!2", "a!1"]);
});

test("what cannot be undone becomes a dead letter that says what is done and what is not", async (t) => {
  const { bus } = await flow(t, async (task) => {
    for (const name of ["a", "b", "c"])
      await task.step(name, () => name, {
        undo: () => {
          if (name === "b") throw new Error("stuck");
        },
        retry: { attempts: 1 },
      });
    throw Object.assign(new Error("broken"), { retryable: false });
  });
  await assert.rejects(bus.call("flow.run", {}), {
    code: "UNDO_FAILED",
    message:
      /broken; and step "b" could not be undone: stuck\. Undone: "c"; still done: "a", "b"/,
  });
});

test("a canceled task undoes what it did before it ends, asleep or at work", async (t) => {
  const undone: string[] = [];
  const { bus, worker } = await flow(t, async (task, how) => {
    await task.step("a", () => how, {
      undo: (result) => undone.push(String(result)),
    });
    if (how === "asleep") await task.sleep("1h");
    // It takes no notice, and goes on.
    await task.step("b", () => once(task.signal, "abort"));
    await task.step("c", () => undone.push("never"));
  });
  const asleep = await bus.submit("flow.run", "asleep");
  await eventually(() => worker.counts.parked === 1);
  assert.equal(await asleep.cancel("enough"), true);
  await assert.rejects(asleep.result(), {
    code: "TASK_CANCELED",
    message: "enough",
  });
  const atWork = await bus.submit("flow.run", "at work");
  await eventually(async () => {
    const { entries } = await bus.journal(atWork.id);
    return entries.length > 0;
  });
  await atWork.cancel("enough");
  await assert.rejects(atWork.result(), { code: "TASK_CANCELED" });
  assert.deepEqual(undone, ["asleep", "at work"]);
});

test("children end with their parent, unless they are detached", async (t) => {
  const { bus } = await flow(t, async (task) => {
    void task.call("flow.slow", 60_000);
    const outlives = await task.submit("flow.slow", 600);
    await task.call("flow.slow", 300);
    return outlives;
  });
  const id = (await bus.call("flow.run", {}, { id: "p" })) as string;
  assert.equal(await bus.task(id).result(), "done");
  await assert.rejects(bus.task("p~flow~0").result(), {
    code: "TASK_CANCELED",
  });
});

test("a task that continues as another input begins with an empty journal", async (t) => {
  const { bus } = await flow(t, async (task, input) => {
    const n = input as number;
    await task.step("count", () => n);
    if (n < 5) return task.continueAs(n + 1);
    return { n, drawn: task.uuid() };
  });
  const { n } = (await bus.call("flow.run", 0)) as { n: number };
  assert.equal(n, 5);
});

test("what a task was before it continued is not kept in memory", async (t) => {
  const seen: WeakRef<TaskContext>[] = [];
  const { bus } = await flow(t, async (task, input) => {
    seen.push(new WeakRef(task));
    const n = input as number;
    await task.step("count", () => n);
    return n < 20 ? task.continueAs(n + 1) : n;
  });
  assert.equal(await bus.call("flow.run", 1), 20);
  const collect = garbageCollector();
  await eventually(() => {
    collect();
    return seen.filter((each) => each.deref() !== undefined).length <= 1;
  });
});
