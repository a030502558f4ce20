// What becomes of dead letters where who decides about them, or undoes them, may not remove them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeadLetter } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { serverWithPoorUser } from "../../support/poor-user.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";

test("who may not remove a letter is told what was done all the same, and a worker says in it that it can go", async (t) => {
  const as = await serverWithPoorUser(t);
  const bus = await as("poor");
  let isBad = true;
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], () => {
      if (isBad) throw broken("the bank is closed");
    });
    throw broken();
  });
  const stuck = async (id: string): Promise<DeadLetter> => {
    await assert.rejects(bus.call("saga.run", {}, { id }));
    return (await letterOf(bus, id))!;
  };

  const byHand = await stuck("by-hand");
  await assert.rejects(byHand.undo("resolve"), {
    code: "BUS_FAILED",
    message: /^that it is resolved is kept, but the dead letter .*Permissions/,
  });
  assert.equal((await byHand.undoing())?.isResolved, true);

  const letter = await stuck("undone");
  isBad = false;
  // Ordered twice, it is told once.
  for (let orders = 0; orders < 2; orders++) {
    const ended = worker.counts.failed;
    await letter.undo("retry");
    await eventually(() => worker.counts.failed > ended);
  }
  const kept = await letterOf(bus, "undone");
  assert.match(
    kept!.error,
    /^all is undone now, and this letter can be purged: broken/,
  );
  await assert.rejects(kept!.redrive(), {
    code: "BUS_FAILED",
    message:
      /^it was submitted again as "undone~redrive-\d+", but the dead letter/,
  });
});
