// A machine that calls a skill, while the process that hosts it, and works on the call, is killed -9 around each of the
// messages that it stores. Whatever the place: one call, one end of it, one way through the machine. By hand, with
// STEP=1: every place.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { killChildren, startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { order } from "../support/order.js";
import { sharedServer } from "../support/shared-server.js";
import { testServer } from "../support/server.js";
import { connect } from "../../index.js";

const shared = sharedServer();
const step = Number(process.env["STEP"] ?? 7);
/** From the first event to the machine's end it stores so many messages. */
const places = 14;

describe(
  "a call comes through when its process dies",
  { concurrency: 3 },
  () => {
    for (const when of ["before", "after"] as const)
      for (let at = when === "before" ? 1 : 3; at <= places; at += step)
        test(`${when} the message ${at} that it stores`, (t) =>
          callsOnce(t, { at, when, by: "SIGKILL" }));
  },
);

async function callsOnce(t: TestContext, halt: Halt): Promise<void> {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const place = { url: shared.server.url, namespace: bus.namespace };
  const context = bus.context(order, "o-7");
  let dying = true;
  const first = await startChild(t, "order-process", { ...place, halt });
  const restarted = first.ended.then(async () => {
    if (dying) await startChild(t, "order-process", place);
  });
  await context.send({ type: "PAY", amount: 7 });
  await eventually(
    async () => (await context.snapshot())?.context.receipt === "o-7 7",
    { what: "the receipt", timeoutMs: 60_000 },
  );
  await (await context.send({ type: "SHIP" })).result({ timeout: "60s" });
  dying = false;
  await first.kill();
  await restarted;
  const snapshot = await context.snapshot();
  assert.equal(snapshot?.state, "done");
  const emitted = [];
  for await (const { event } of context.emitted()) emitted.push(event);
  assert.deepEqual(emitted, [{ type: "paid", receipt: "o-7 7" }]);
  const charges = await bus.tasks({ agent: "payment" });
  assert.deepEqual(
    charges.map(({ state }) => state),
    ["completed"],
  );
}

test("a timer of a machine comes although everything was killed meanwhile, the server too", async (t) => {
  await using server = await testServer();
  t.after(() => killChildren(t));
  const place = { url: server.url, namespace: "t" };
  await using bus = await connect(place);
  const context = bus.context(order, "patient");
  const first = await startChild(t, "order-process", place);
  await context.send({ type: "PAY", amount: 7 });
  await eventually(
    async () => (await context.snapshot())?.state === "packing",
    {
      timeoutMs: 60_000,
    },
  );
  await Promise.all([first.kill(), server.kill()]);
  await server.restart();
  await startChild(t, "order-process", place);
  await eventually(async () => (await context.snapshot())?.state === "late", {
    timeoutMs: 60_000,
  });
});
