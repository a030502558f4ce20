// Tasks that no version fits which is served: they come by again and again, and that is to cost and tell little.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Misfits,
  type SuspendedMisfit,
} from "../../../workers/steps/misfits.js";
import { TroupeError } from "../../../protocol/errors.js";
import { z } from "zod";
import { agent, skill, type Bus } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { doSteps, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const serve = (bus: Bus, name: string) =>
  serveSaga(bus, async (task) => {
    await doSteps(task, [name], () => undefined);
    return task.waitFor("go");
  });

async function kindsOf(bus: Bus, task: string): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { kind } of bus.replay({ task })) kinds.push(kind);
  return kinds;
}

for (const key of [undefined, "k"])
  test(`a handler that does not fit is run and told of once, however often its task comes by (${key ? "with" : "without"} a key)`, async (t) => {
    const bus = await shared.connect(t);
    const { worker } = await serve(bus, "a");
    const options = key === undefined ? { id: "m" } : { id: "m", key };
    const task = await bus.submit("saga.run", {}, options);
    await eventually(async () => (await bus.journal("m")).entries.length === 3);
    await worker.drain();
    const misfits = await serve(bus, "b");
    await task.signal("go", "went");
    const { counts } = misfits.worker;
    await eventually(() => counts.parked + counts.returned >= 3);
    assert.equal(misfits.runs(), 1);
    const kinds = await kindsOf(bus, "m");
    assert.equal(kinds.filter((kind) => kind === "returned").length, 1);
    assert.ok(kinds.filter((kind) => kind === "started").length <= 1);
    const { entries } = await bus.journal("m");
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ["begun", "done", "begun", "mismatch"],
    );
    await misfits.worker.drain();
    await serve(bus, "a");
    assert.equal(await task.result(), "went");
  });

test("one that does not fit, and whose deadline passes, is tried at leisure", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serve(bus, "a");
  const task = await bus.submit("saga.run", {}, { deadline: "1500ms" });
  await eventually(() => worker.counts.parked === 1);
  await worker.drain();
  const { worker: misfits } = await serve(bus, "b");
  await eventually(() => misfits.counts.returned >= 1);
  const at = performance.now();
  await eventually(() => misfits.counts.returned >= 3);
  assert.ok(performance.now() - at > 900);
  await misfits.drain();
  await serve(bus, "a");
  await assert.rejects(task.result(), { code: "DEADLINE_PASSED" });
});

test("a version that refuses the input of a task under way does not fit, and one that takes it goes on", async (t) => {
  const bus = await shared.connect(t);
  const takes = (input: z.ZodType<string>, version: string) =>
    bus.serve(
      agent("taker", {
        version,
        skills: {
          run: skill({
            description: "Waits",
            input,
            async run(_input, task) {
              await task.step("a", () => 1);
              return task.waitFor("go");
            },
          }),
        },
      }),
      quiet,
    );
  const first = await takes(z.string(), "1.0.0");
  const task = await bus.submit("taker.run", "x");
  await eventually(() => first.counts.parked === 1);
  await first.drain();
  const second = await takes(z.string().min(5), "2.0.0");
  await task.signal("go", "went");
  const isStopped = async () =>
    (await bus.journal(task.id)).entries.at(-1)?.kind === "mismatch";
  await eventually(isStopped);
  await second.drain();
  await takes(z.string().min(1), "3.0.0");
  assert.equal(await task.result({ timeout: "1m" }), "went");
});

test("what is remembered is of one task, one state of its journal, and one way to run it", () => {
  const misfits = new Misfits();
  const at = { taskId: "a", place: 7, onlyUndoes: false };
  const to: SuspendedMisfit = {
    why: "mismatch",
    error: new TroupeError("STEP_MISMATCH", "no"),
    entry: { kind: "mismatch", at: 1, expected: "x", found: "y", version: "1" },
  };
  misfits.remember(at, to);
  assert.equal(misfits.recall(at), to);
  for (const other of [{ taskId: "b" }, { place: 8 }, { onlyUndoes: true }])
    assert.equal(misfits.recall({ ...at, ...other }), undefined);
  for (let place = 100; place < 10_100; place++)
    misfits.remember({ ...at, place }, to);
  assert.equal(misfits.recall(at), undefined);
});
