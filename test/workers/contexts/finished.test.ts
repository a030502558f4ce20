// What becomes of the record of a context whose machine is done.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assign, setup } from "xstate";
import { agent } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;

const machine = setup({
  types: {
    context: {} as { count: number },
    events: {} as { type: "ADD" } | { type: "END" },
  },
}).createMachine({
  context: { count: 0 },
  initial: "open",
  states: {
    open: {
      on: {
        ADD: {
          actions: assign({ count: ({ context }) => context.count + 1 }),
        },
        END: "closed",
      },
    },
    closed: { type: "final" },
  },
});

const visit = agent("visit", { machine, keepFinished: "1s" });

test("a finished context rejects what comes until its record ages out, and is begun anew then", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(visit, quiet);
  const [done, open] = [bus.context(visit, "done"), bus.context(visit, "open")];
  await Promise.all([done, open].map((each) => each.call({ type: "ADD" })));
  await done.call({ type: "END" });
  await assert.rejects(done.call({ type: "ADD" }), { code: "TASK_REJECTED" });
  await eventually(async () => (await done.snapshot()) === undefined);
  assert.equal((await open.snapshot())?.context.count, 1);
  await done.call({ type: "ADD" });
  assert.deepEqual((await done.snapshot())?.context, { count: 1 });
  await open.call({ type: "ADD" });
  assert.equal((await open.snapshot())?.context.count, 2);
});

test("a store whose records could not age out is changed when an agent asks for it", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const bucket = link.subjects.buckets.state;
  await link.jsm.streams.add({
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    max_msgs_per_subject: 1,
    allow_direct: true,
    allow_rollup_hdrs: true,
  });
  await bus.serve(visit, quiet);
  const context = bus.context(visit, "c");
  await context.call({ type: "END" });
  await eventually(async () => (await context.snapshot()) === undefined);
});

test("a time that the server cannot count is refused", () => {
  assert.throws(() => agent("visit", { machine, keepFinished: "10ms" }), {
    code: "ARGUMENT_INVALID",
    message: /at least "1s"/,
  });
});
