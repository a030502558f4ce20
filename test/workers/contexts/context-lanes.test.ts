// Two versions of a stateful agent in two lanes: each context meets one of them at a time, and its state goes with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assign, setup } from "xstate";
import { agent, type Bus } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const machine = setup({
  types: {
    context: {} as { sum: number },
    events: {} as { type: "ADD"; n: number },
  },
}).createMachine({
  context: { sum: 0 },
  on: {
    ADD: {
      actions: assign({ sum: ({ context, event }) => context.sum + event.n }),
    },
  },
  after: { 86_400_000: {} },
});

const first = agent("sums", { machine, snapshotVersion: "1" });
const second = agent("sums", {
  machine,
  snapshotVersion: "2",
  migrate: (snapshot) => snapshot,
  // Until its settings have reached everybody, a context may go back once.
  retry: { attempts: 50, first: "20ms", max: "100ms" },
});

const ids = Array.from({ length: 24 }, (_, n) => `c${n}`);

async function addToAll(bus: Bus): Promise<void> {
  await Promise.all(
    ids.map((id) => bus.context(first, id).call({ type: "ADD", n: 1 })),
  );
}

async function versions(bus: Bus): Promise<Record<string, string>> {
  const snapshots = ids.map((id) => bus.context(first, id).snapshot());
  const found = await Promise.all(snapshots);
  return Object.fromEntries(ids.map((id, at) => [id, found[at]!.version]));
}

test("a split hands contexts over with their state, and a promotion the rest", async (t) => {
  const bus = await shared.connect(t);
  const another = await shared.connect(t);
  await bus.serve(first);
  await another.serve(second, { lane: "next" });
  await addToAll(bus);
  assert.ok(
    Object.values(await versions(bus)).every((version) => version === "1"),
  );
  await bus.lanes.split("sums", { main: 50, next: 50 });
  let rounds = 1;
  await eventually(async () => {
    rounds++;
    await addToAll(bus);
    return new Set(Object.values(await versions(bus))).size === 2;
  });
  await bus.lanes.promote("sums", "next");
  await eventually(async () => {
    rounds++;
    await addToAll(bus);
    return Object.values(await versions(bus)).every(
      (version) => version === "2",
    );
  });
  for (const id of ids) {
    const { context, timers } = (await bus.context(first, id).snapshot())!;
    assert.deepEqual([id, context.sum, timers.length], [id, rounds, 1]);
  }
});
