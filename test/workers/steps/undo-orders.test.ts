// What a person decides about a task that could not be undone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { undoReport, writeOrder } from "../../../bus/tasks/undo-orders.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { z } from "zod";
import { agent, skill, type Bus, type DeadLetter } from "../../../index.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import {
  broken,
  doSteps,
  letterOf,
  serveSaga,
  type SagaHandler,
} from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";
import { gone, stuck } from "../../support/undo-letter.js";

const shared = sharedServer();

async function newerThan({ sequence }: DeadLetter, bus: Bus) {
  const newer = await eventually(async () => {
    const found = await letterOf(bus, "stuck");
    return found && found.sequence > sequence ? found : undefined;
  });
  return newer!;
}

test("a letter tells what is undone, what stands, and why", async (t) => {
  const { letter } = await stuck(shared, t);
  assert.deepEqual(await letter.undoing(), {
    undone: ["d"],
    skipped: [],
    standing: ["a", "b", "c"],
    stuck: { step: "c", error: "stuck", attempts: 1 },
    isResolved: false,
    isDeclined: false,
  });
});

for (const key of [undefined, "k"])
  test(`a retry goes on from the undo that failed, and then the letter is gone (${key ? "with" : "without"} a key)`, async (t) => {
    const { bus, letter, log, bad } = await stuck(shared, t, key);
    bad.clear();
    await letter.undo("retry", { by: "ann", note: "the bank is back" });
    await gone(bus);
    assert.deepEqual(log, ["d", "c?", "c", "b", "a"]);
    assert.deepEqual(await letter.undoing(), {
      undone: ["a", "b", "c", "d"],
      skipped: [],
      standing: [],
      stuck: undefined,
      isResolved: false,
      isDeclined: false,
    });
    // R2: the task's end is what it was.
    await assert.rejects(bus.task("stuck").result(), { code: "UNDO_FAILED" });
  });

test("a letter of what still stands is brought up to date, and can be decided about again", async (t) => {
  const { bus, letter, log, bad } = await stuck(shared, t);
  bad.clear();
  bad.add("b");
  await letter.undo("retry");
  const newer = await newerThan(letter, bus);
  assert.match(
    newer.error,
    /^broken; and step "b" could not be undone: stuck\. Undone: "c", "d"; still done: "a", "b"$/,
  );
  assert.deepEqual(newer.input, {});
  assert.deepEqual(newer.attempts, letter.attempts);
  await letter.undo("retry"); // the old letter speaks of the same task
  await eventually(() => log.filter((each) => each === "b?").length === 2);
  bad.clear();
  await (await letterOf(bus, "stuck"))!.undo("retry");
  await gone(bus);
  assert.deepEqual(log, ["d", "c?", "c", "b?", "b?", "b", "a"]);
});

test("a step that is skipped is passed over, and the others go on", async (t) => {
  const { bus, letter, log } = await stuck(shared, t);
  await assert.rejects(letter.undo("skip", { step: "x" }), {
    code: "ARGUMENT_INVALID",
    message: /no step "x" .* what stands: "a", "b", "c"/,
  });
  await letter.undo("skip", { step: "c", by: "ann", note: "never charged" });
  await gone(bus);
  assert.deepEqual(log, ["d", "c?", "b", "a"]);
  const report = await letter.undoing();
  assert.deepEqual(report?.skipped, ["c"]);
});

test("what is resolved by hand is not undone any more, and its letter is gone", async (t) => {
  const { bus, letter, log } = await stuck(shared, t);
  await letter.undo("resolve", { by: "ann", note: "by phone" });
  assert.equal(await letterOf(bus, "stuck"), undefined);
  await letter.undo("retry");
  await letter.undo("resolve");
  const report = await letter.undoing();
  assert.deepEqual([report?.isResolved, report?.standing], [true, []]);
  // What is sent after it finds that nothing is left to do.
  const queue = (await shared.link(t)).subjects.queue("saga");
  await eventually(async () => {
    const { state } = await (await shared.link(t)).jsm.streams.info(queue);
    return state.messages === 0;
  });
  assert.deepEqual(log, ["d", "c?"]);
});

test("an order that is given twice is carried out once", async (t) => {
  const { bus, letter, log, bad } = await stuck(shared, t);
  bad.clear();
  await Promise.all([letter.undo("retry"), letter.undo("retry")]);
  await gone(bus);
  await letter.undo("retry");
  assert.deepEqual(log, ["d", "c?", "c", "b", "a"]);
});

test("an order whose giver died before the task was sent is carried out when it is given again", async (t) => {
  const { bus, letter, log, bad } = await stuck(shared, t);
  bad.clear();
  const link = await shared.link(t);
  await writeOrder(link, new Publisher(link), letter, { decision: "retry" });
  assert.equal((await undoReport(link, letter))?.stuck, undefined);
  await letter.undo("retry");
  await gone(bus);
  assert.deepEqual(log, ["d", "c?", "c", "b", "a"]);
});

test("a handler that no longer fits undoes nothing, and the letter says so until one fits", async (t) => {
  const { bus, letter, log, bad, worker } = await stuck(shared, t);
  bad.clear();
  await worker.drain();
  const other = await serveSaga(bus, async (task) => {
    await doSteps(task, ["other"], (name) => log.push(name));
    throw broken();
  });
  await letter.undo("retry");
  const newer = await newerThan(letter, bus);
  assert.match(newer.error, /expected step "a", found step "other"/);
  await other.worker.drain();
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b", "c", "d"], (name) => log.push(name));
    await task.step("no undo", () => 1);
  });
  await newer.undo("retry");
  await gone(bus);
  assert.deepEqual(log, ["d", "c?", "c", "b", "a"]);
});

test("a task that died without having been undone is undone when somebody orders it", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const handler: SagaHandler = async (task) => {
    await doSteps(task, ["a", "b"], (name) => undone.push(name));
    await task.sleep("1600ms");
  };
  const first = await serveSaga(bus, handler);
  const task = await bus.submit("saga.run", {}, { id: "stuck" });
  await eventually(() => first.worker.counts.parked === 1);
  await first.worker.drain();
  const without = agent("saga", {
    skills: {
      other: skill({ description: "Another", input: z.any(), run: () => 1 }),
    },
  });
  const second = await bus.serve(without, quiet);
  await assert.rejects(task.result(), { code: "SKILL_UNKNOWN" });
  await second.drain();
  assert.deepEqual(undone, []);
  await serveSaga(bus, handler);
  await (await letterOf(bus, "stuck"))!.undo("retry");
  await gone(bus);
  assert.deepEqual(undone, ["b", "a"]);
});

test("a call that could not be undone is told of like a step, and can be skipped", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    await task.call("doer.do", 1, {
      name: "pay",
      undo: () => {
        throw broken("the bank is closed");
      },
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "stuck" }));
  const letter = (await letterOf(bus, "stuck"))!;
  const report = await letter.undoing();
  assert.deepEqual(report?.standing, ["a", "pay"]);
  assert.equal(report?.stuck?.step, "pay");
  await letter.undo("skip", { step: "pay" });
  await gone(bus);
  assert.deepEqual(undone, ["a"]);
});
