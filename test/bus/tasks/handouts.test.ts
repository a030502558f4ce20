// Whether a task was handed out, as the consumer of its queue says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Handouts, mayBeApplied } from "../../../bus/tasks/handouts.js";
import { doer, quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("where it cannot be asked a context's event may have been handed out, and nobody takes it away", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => 1),
    quiet,
  );
  const link = await shared.link(t);
  const { queue, task } = link.subjects;
  const address = { agent: "doer", lane: "main", level: "normal" } as const;
  const message = {
    stream: queue("doer"),
    subject: task({ ...address, skill: "do", taskId: "t" }),
    sequence: 1,
    at: new Date(),
    headers: { key: "c", context: "c" },
    body: new Uint8Array(),
  };
  assert.equal(await new Handouts(link).has(message), false);
  assert.equal(await mayBeApplied(link, message), false);
  const nowhere = { ...message, stream: queue("nobody") };
  assert.equal(await mayBeApplied(link, nowhere), false);
  await link.close();
  assert.equal(await new Handouts(link).has(message), undefined);
  assert.equal(await mayBeApplied(link, message), true);
});
