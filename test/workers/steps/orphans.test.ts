// Children that nobody waits for any more end with their parent, whenever that is.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { pendingTask } from "../../../bus/history/history.js";
import { wake } from "../../../bus/journal/parking.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill, type Bus, type TaskContext } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

async function served(
  t: TestContext,
  run: (task: TaskContext, input: unknown) => unknown,
) {
  const bus = await shared.connect(t);
  const child = skill({
    description: "Waits",
    input: z.unknown(),
    run: (_, task) => task.waitFor("go"),
  });
  await bus.serve(agent("child", { skills: { wait: child } }), quiet);
  return { bus, ...(await serveSaga(bus, run)) };
}

const isCanceled = (bus: Bus, id: string) =>
  eventually(() =>
    assert
      .rejects(bus.task(id).result({ timeout: "2s" }), {
        code: "TASK_CANCELED",
      })
      .then(() => true),
  );

test("a child that was called and not waited for is canceled, though its parent ends before it is there", async (t) => {
  const { bus } = await served(t, async (task) => {
    await task.step("something", () => 1);
    void task.call("child.wait", {});
  });
  const ids = ["a", "b", "c", "d"];
  for (const id of ids) await bus.call("saga.run", {}, { id });
  for (const id of ids) await isCanceled(bus, `${id}~saga~1`);
});

test("a child is not begun any more when its parent has ended", async (t) => {
  const { bus } = await served(t, (task) => {
    task.call("child.wait", {}).catch(() => undefined);
    return Promise.resolve(1);
  });
  await bus.call("saga.run", {}, { id: "p" });
  await bus.call("saga.run", {}, { id: "q" });
  assert.equal(await bus.find("p~saga~0"), undefined);
});

test("nor is one begun whose agent was still looked for then", async (t) => {
  const { bus } = await served(t, (task) => {
    task.call({ skill: "wait" }, {}).catch(() => undefined);
    return Promise.resolve(1);
  });
  const ids = ["p", "q", "r", "s"];
  for (const id of ids) await bus.call("saga.run", {}, { id });
  await eventually(
    async () => (await bus.tasks({ agent: "child" })).length === 0,
  );
  for (const id of ids) assert.equal(await bus.find(`${id}~saga~0`), undefined);
});

test("a journal tells of the first child before it is there, so that nobody who ends the task forgets it", async (t) => {
  const { bus } = await served(t, (task) =>
    task.all([task.call("child.wait", {}), task.call("child.wait", {})]),
  );
  const task = await bus.submit("saga.run", {}, { id: "p" });
  await eventually(async () => (await bus.find("p~saga~0")) !== undefined);
  const { entries } = await bus.journal("p");
  assert.deepEqual(
    entries.map((entry) => entry.kind === "begun" && entry.op),
    [0, 1],
  );
  await task.cancel("enough");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  for (const child of ["p~saga~0", "p~saga~1"]) await isCanceled(bus, child);
});

test("a child is canceled when its parent is canceled while that sleeps and has done nothing else", async (t) => {
  const { bus, worker } = await served(t, (task) =>
    task.call("child.wait", {}),
  );
  const parent = await bus.submit("saga.run", {}, { id: "p" });
  await eventually(() => worker.counts.parked === 1);
  await parent.cancel("enough");
  await assert.rejects(parent.result(), { code: "TASK_CANCELED" });
  await isCanceled(bus, "p~saga~0");
});

test("a child is canceled when its parent continues without it", async (t) => {
  const { bus } = await served(t, async (task, input) => {
    if (input === "again") return "over";
    void task.call("child.wait", {});
    await task.step("something", () => 1);
    return task.continueAs("again");
  });
  assert.equal(await bus.call("saga.run", "first", { id: "c" }), "over");
  await isCanceled(bus, "c~saga~0");
});

test("children of tasks with odd ids can have children, and those theirs", async (t) => {
  const { bus } = await served(t, (task, input) =>
    input === 0 ? task.id : task.call("saga.run", (input as number) - 1),
  );
  for (const id of [".".repeat(84), " ".repeat(80), "é".repeat(42)])
    assert.match(String(await bus.call("saga.run", 5, { id })), /~0$/);
});

test("a parent whose child somebody has removed calls it anew when it looks again", async (t) => {
  const { bus, worker } = await served(t, (task) =>
    task.call("child.wait", {}),
  );
  const link = await shared.link(t);
  await link.jsm.streams.update(link.subjects.queue("child"), {
    duplicate_window: 100_000_000, // the server forgets soon that it had it
  });
  const parent = await bus.submit("saga.run", {}, { id: "p" });
  await eventually(() => worker.counts.parked === 1);
  const isAsleep = async () => {
    const child = await pendingTask(link, "p~saga~0", "child");
    return child?.headers.parked === undefined ? undefined : child;
  };
  const { stream, sequence } = (await eventually(isAsleep))!;
  await link.jsm.streams.deleteMessage(stream, sequence);
  // Its timer does the same, an hour after it has fallen asleep.
  await wake(link, new Publisher(link), { agent: "saga", taskId: "p" });
  await eventually(isAsleep);
  await bus.signal("p~saga~0", "go", 7, { agent: "child" });
  assert.equal(await parent.result(), 7);
});
