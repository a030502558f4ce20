// Snapshots of another version: migrated, refused, or left to who can handle them.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { assign, setup } from "xstate";
import { agent } from "../../../index.js";
import { sharedServer } from "../../support/shared-server.js";
import { counting, retry } from "../../support/counting.js";

const shared = sharedServer();

/** The same machine, a version further: what was called sum is called total. */
const totaling = setup({
  types: {
    context: {} as { total: number },
    events: {} as { type: "ADD"; n: number } | { type: "END" },
  },
}).createMachine({
  context: { total: 0 },
  on: {
    ADD: {
      actions: assign({
        total: ({ context, event }) => context.total + event.n,
      }),
    },
  },
});

const older = agent("counter", { machine: counting(() => undefined), retry });
const newer = agent("counter", {
  machine: totaling,
  snapshotVersion: "2",
  retry,
  migrate: (snapshot, version) => {
    assert.equal(version, "1");
    const { context, ...rest } = snapshot as { context: { sum: number } };
    return { ...rest, value: {}, context: { total: context.sum } };
  },
});

async function withOlder(t: TestContext) {
  const bus = await shared.connect(t);
  const worker = await bus.serve(older);
  await bus.context(older, "c").call({ type: "ADD", n: 1 });
  return { bus, worker };
}

test("a newer machine migrates old snapshots, with the first event that each context gets", async (t) => {
  const { bus, worker } = await withOlder(t);
  await worker.drain();
  await bus.serve(newer);
  const context = bus.context(newer, "c");
  await context.call({ type: "ADD", n: 2 });
  const snapshot = await context.snapshot();
  assert.deepEqual([snapshot?.context, snapshot?.version], [{ total: 3 }, "2"]);
});

test("without a migrate function a context of another version is refused, and left to who can handle it", async (t) => {
  const { bus, worker } = await withOlder(t);
  await worker.drain();
  const { migrate: _, ...rest } = { migrate: 0, machine: totaling, retry };
  await bus.serve(agent("counter", { ...rest, snapshotVersion: "2" }));
  await assert.rejects(bus.context(newer, "c").call({ type: "ADD", n: 2 }), {
    code: "ATTEMPTS_EXHAUSTED",
    message: /snapshot of version "1".*version "2".*migrate/,
  });
});

test("while two versions are served at once, an event that one cannot handle finds the other", async (t) => {
  const { bus } = await withOlder(t);
  const patient = { attempts: 50, first: "10ms", max: "20ms" } as const;
  const second = await shared.connect(t);
  await second.serve(
    agent("counter", {
      machine: totaling,
      snapshotVersion: "2",
      retry: patient,
    }),
  );
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      bus.context(older, "c").call({ type: "ADD", n: 1 }),
    ),
  );
  assert.equal(results.length, 20);
  const { context } = (await bus.context(older, "c").snapshot())!;
  assert.deepEqual(context, { sum: 21 });
});
