// Tasks that were taken from workers which had died over them too often: what they did is for a person to decide about.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { emptyJournal } from "../../../bus/journal/journal.js";
import { JournalWriter } from "../../../bus/journal/journal-writer.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill } from "../../../index.js";
import type { JournalEntry } from "../../../protocol/journal.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { entriesOf } from "../../support/journals.js";
import { loseOften } from "../../support/lost.js";
import { letterOf } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const lost = { agent: "saga", taskId: "lost" };

/** Two deaths are too many for it. */
function saga(undone: string[]) {
  const run = skill({
    description: "Does a step, and waits",
    input: z.any(),
    retry: { crashes: 2, attempts: 1 },
    fallback: "doer.do",
    async run(_input, task) {
      await task.step("a", () => 1, { undo: () => void undone.push("a") });
      return task.waitFor("go");
    },
  });
  return agent("saga", { skills: { run } });
}

/** Its first workers have died; `done` is what they wrote down. */
async function submitted(t: TestContext, done: "step" | "nothing") {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => "instead"),
    quiet,
  );
  const first = await bus.serve(saga([]), quiet);
  await first.drain();
  const task = await bus.submit("saga.run", {}, { id: lost.taskId });
  const link = await shared.link(t);
  const entry = {
    kind: "done",
    op: 0,
    type: "step",
    name: "a",
    at: link.clock.now(),
    value: 1,
  } satisfies JournalEntry;
  const writer = new JournalWriter(
    link,
    new Publisher(link),
    lost,
    emptyJournal,
  );
  if (done === "step") await writer.append([entry]);
  return { bus, link, task };
}

test("that a lost task is undone is on its journal once it was ordered, so that a worker that was held up does nothing more", async (t) => {
  const { bus, link, task } = await submitted(t, "step");
  await loseOften(shared, t, lost, 3);
  const undone: string[] = [];
  const worker = await bus.serve(saga(undone), quiet);
  await assert.rejects(task.result(), { code: "WORKER_LOST" });
  await worker.drain();
  const letter = (await letterOf(bus, lost.taskId))!;
  assert.equal(await letter.undo("retry", { by: "ann" }), "ordered");
  assert.equal(await letter.undo("retry", { by: "ann" }), "ordered before");
  const entries = await entriesOf(link, lost.agent, lost.taskId);
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ["done", "undo-retry"],
  );
  await bus.serve(saga(undone), quiet);
  await eventually(async () => !(await letterOf(bus, lost.taskId)));
  assert.deepEqual(undone, ["a"]);
});

for (const signals of [0, 1])
  test(`a lost task that has done nothing falls back, having been sent ${signals} signal(s)`, async (t) => {
    const { bus, task } = await submitted(t, "nothing");
    if (signals > 0) await task.signal("go");
    await loseOften(shared, t, lost, 3);
    await bus.serve(saga([]), quiet);
    assert.equal(await task.result(), "instead");
  });

test("the letter of a task that undid all when it failed is not removed by an order to undo it", async (t) => {
  const bus = await shared.connect(t);
  const failing = skill({
    description: "Does a step, and fails",
    input: z.any(),
    retry: { attempts: 1 },
    async run(_input, task) {
      await task.step("a", () => 1, { undo: () => undefined });
      throw new Error("broken");
    },
  });
  await bus.serve(agent("saga", { skills: { run: failing } }), quiet);
  await assert.rejects(bus.call("saga.run", {}, { id: "undone" }), /broken/);
  const letter = (await letterOf(bus, "undone"))!;
  for (const decision of ["retry", "skip", "resolve"] as const)
    await assert.rejects(letter.undo(decision), {
      code: "ARGUMENT_INVALID",
      message: /is undone already: redrive or purge its letter/,
    });
  assert.ok(await letterOf(bus, "undone"));
});
