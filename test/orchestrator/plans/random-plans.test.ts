// Plans at random: what a plan did is undone exactly if it fails, and it goes the same way again by its journal.
// $TROUPE_PLANS says how many, $TROUPE_SEED which.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkJournal } from "../../../index.js";
import { deskBus } from "../../support/desk-bus.js";
import { RandomPlan } from "../../support/random-plan.js";

const at = deskBus();
const many = Number(process.env["TROUPE_PLANS"] ?? 40);
const first = Number(process.env["TROUPE_SEED"] ?? 1) * 1_000_000;

test("any plan undoes what it did exactly if it fails, and its journal fits", async (t) => {
  const { agent } = await at.bus.orchestrate({ signals: false });
  let failed = 0;
  const check = async (seed: number) => {
    const plan = new RandomPlan(String(seed), seed).make();
    const shown = `seed ${seed}: ${JSON.stringify(plan)}`;
    const task = await at.bus.plans.run(plan);
    const end = await task.result({ timeout: "1m" }).then(
      () => "completed",
      (error: { code: string }) => error.code,
    );
    assert.match(end, /^(completed|HANDLER_REFUSED)$/, shown);
    if (end !== "completed") failed++;
    const told = (what: string) =>
      at.desk.log
        .filter((line) => line.startsWith(`${what} ${seed}-`))
        .map((line) => line.slice(what.length + 1).replace(/-1$/, ""))
        .sort();
    assert.deepEqual(
      told("undo"),
      end === "completed" ? [] : told("do"),
      shown,
    );
    const journal = await at.bus.journal(task.id);
    const { fits, message } = await checkJournal(agent, journal);
    assert.ok(fits, `${message}; ${shown}`);
  };
  for (let seed = first; seed < first + many; seed += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, first + many - seed) }, (_, more) =>
        check(seed + more),
      ),
    );
  t.diagnostic(`${many} plans, ${failed} of them failed`);
});
