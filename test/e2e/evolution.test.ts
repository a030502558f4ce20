// Handlers that change while tasks of the old version are under way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, checkJournal, skill, type TaskContext } from "../../index.js";
import { troupe } from "../cli/command.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

const orders = (
  version: string,
  run: (task: TaskContext) => Promise<unknown>,
) =>
  agent("orders", {
    version,
    skills: {
      place: skill({
        description: "Places an order",
        input: z.object({}),
        run: (_input, task) => run(task),
      }),
    },
  });

/** Charges, sleeps, ships. */
const first = orders("1.0.0", async (task) => {
  await task.step("charge", () => "charged");
  await task.sleep("2s");
  return task.step("ship", () => "shipped by 1");
});

/** Checks first: no task of the first fits it. */
const second = orders("2.0.0", async (task) => {
  await task.step("check", () => "checked");
  await task.step("charge", () => "charged");
  return task.step("ship", () => "shipped by 2");
});

/** Does the same, and lets those under way be. */
const careful = orders("2.0.1", async (task) => {
  if (task.patched("check first")) {
    await task.step("check", () => "checked");
    await task.step("charge", () => "charged");
  } else {
    await task.step("charge", () => "charged");
    await task.sleep("2s");
  }
  return task.step("ship", () => "shipped by careful");
});

test("a task that sleeps across a promotion comes back to the lane and the version that it left", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(first, quiet);
  await bus.serve(second, { ...quiet, lane: "next" });
  const old = await bus.submit("orders.place", {});
  await eventually(() => worker.counts.parked === 1);
  await bus.lanes.promote("orders", "next");
  assert.equal(await bus.call("orders.place", {}), "shipped by 2");
  assert.equal(await old.result(), "shipped by 1");
});

test("a task whose version is gone waits, tells why, and goes on when that version is back", async (t) => {
  const bus = await shared.connect(t);
  const before = await bus.serve(first, quiet);
  const task = await bus.submit("orders.place", {});
  await eventually(() => before.counts.parked === 1);
  await before.drain();
  const wrong = await bus.serve(second, quiet);
  await eventually(() => wrong.counts.parked > 0);
  const found = await bus.find(task.id);
  assert.equal(found?.state, "working");
  assert.equal(
    found?.waitsFor,
    "a version of its handler that fits its journal",
  );
  const shown = await troupe(
    ["tasks", "show", task.id, "--namespace", bus.namespace],
    { url: bus.url },
  );
  assert.match(
    shown.stdout,
    /^now +under way; it waits for a version of its handler that/m,
  );
  assert.match(
    shown.stdout,
    /STEP_MISMATCH: the handler of orders\.place in version 2\.0\.0/,
  );
  const journal = await bus.journal(task.id);
  const misfit = journal.entries.find(({ kind }) => kind === "mismatch");
  assert.ok(misfit?.kind === "mismatch");
  assert.deepEqual(
    [misfit.version, misfit.expected, misfit.found],
    ["2.0.0", 'step "charge"', 'step "check"'],
  );
  await wrong.drain();
  await bus.serve(first, quiet);
  assert.equal(await task.result(), "shipped by 1");
});

test("a version that was checked against the journals under way takes them over", async (t) => {
  const bus = await shared.connect(t);
  const before = await bus.serve(first, quiet);
  const task = await bus.submit("orders.place", {});
  await eventually(() => before.counts.parked === 1);
  const journal = await bus.journal(task.id);
  assert.equal((await checkJournal(second, journal)).difference?.kind, "step");
  assert.equal((await checkJournal(careful, journal)).fits, true);
  await before.drain();
  await bus.serve(careful, quiet);
  assert.equal(await task.result(), "shipped by careful");
  assert.equal(
    await bus.call("orders.place", {}, { id: "new" }),
    "shipped by careful",
  );
  const names = (await bus.journal("new")).entries.map((entry) =>
    "name" in entry ? entry.name : entry.kind,
  );
  assert.deepEqual(names, ["check first", "check", "charge", "ship"]);
});
