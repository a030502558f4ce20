// A process that forks a task is killed -9 around each of the messages that it stores for that: the journal, the task.
// Who forks again with the same id gets one fork, and what the old task has done is done by none.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { doer, quiet } from "../support/doer.js";
import { killChildren, startChild } from "../support/child.js";
import type { Halt } from "../support/halting.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

describe(
  "a fork comes about once when its maker dies",
  { concurrency: 2 },
  () => {
    for (const at of [1, 2])
      for (const when of ["before", "after"] as const)
        test(`${when} the message ${at} that it stores`, (t) =>
          forksOnce(t, { at, when, by: "SIGKILL" }));
  },
);

async function forksOnce(t: TestContext, halt: Halt): Promise<void> {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const done: string[] = [];
  const flow = doer(async (_input, task) => {
    await task.step("first", () => done.push(`first ${task.id}`));
    await task.step("last", () => done.push(`last ${task.id}`));
    return task.uuid();
  });
  await bus.serve(flow, quiet);
  const output = await bus.call("doer.do", {}, { id: "old" });
  const { url } = shared.server;
  const place = { url, namespace: bus.namespace, of: "old", id: "new" };
  const first = await startChild(t, "fork-process", { ...place, halt });
  assert.equal(await first.ended, "SIGKILL");
  const fork = await bus.fork("old", { before: "last", id: "new" });
  assert.equal(await fork.result(), output);
  assert.deepEqual(done, ["first old", "last old", "last new"]);
}
