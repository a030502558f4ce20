// Who of the users of nats.conf may end a task without undoing what it did, and what those are told who may not.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Bus } from "../../../index.js";
import { troupe } from "../../cli/command.js";
import { eventually } from "../../support/eventually.js";
import { doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { shippedBus } from "../../support/shipped-server.js";

/** What nats.conf advises to add for it, each before the line of signals. */
const advised = [
  '"troupe.event.task.*.*.end.>"',
  '"troupe.ended.>"',
  '"troupe.control.*.cancel"',
  '"troupe.journal.*.*.entries"',
  '"troupe.dead.>"',
];
const signals = '"troupe.journal.*.*.signal.>"';

async function waitingSagas(t: TestContext, added: readonly string[] = []) {
  const as = await shippedBus(t, "saga", (text) =>
    text.replace(signals, [signals, ...added].join(", ")),
  );
  const orchestrator = await as("orchestrator");
  await orchestrator.agents(); // makes the registry's buckets
  const undone: string[] = [];
  await serveSaga(await as("worker"), async (task) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    return task.waitFor("go");
  });
  const submitter = await as("submitter");
  const begin = async (id: string) => {
    await submitter.submit("saga.run", {}, { id });
    await eventually(
      async () => (await submitter.find(id))?.waitsFor !== undefined,
    );
  };
  return { as, orchestrator, submitter, undone, begin };
}

const asItStands = (bus: Bus, id: string) =>
  bus.task(id).cancel("enough", { undo: false });

test("an orchestrator and a worker may end a task without undoing it; a submitter and who only reads may not, and are told why", async (t) => {
  const { as, orchestrator, submitter, undone, begin } = await waitingSagas(t);
  await begin("t1");
  for (const user of ["submitter", "observer"] as const) {
    const url = orchestrator.url.replace("//", `//${user}:pw${user}@`);
    const said = await troupe(["tasks", "cancel", "t1", "--no-undo"], { url });
    assert.match(
      said.stderr,
      /^error PERMISSION_DENIED: the server refused the publish to "troupe\.journal\.saga\.t1\.entries": give this user the permission/m,
    );
    assert.notEqual(said.code, 0);
  }
  assert.equal((await submitter.find("t1"))?.state, "input-required");
  assert.equal(await asItStands(await as("worker"), "t1"), true);
  await begin("t2");
  assert.equal(await asItStands(orchestrator, "t2"), true);
  for (const id of ["t1", "t2"]) {
    assert.equal((await submitter.find(id))?.error?.code, "UNDO_FAILED");
    assert.equal((await letterOf(orchestrator, id))?.code, "UNDO_FAILED");
  }
  assert.deepEqual(undone, []);
});

test("a submitter may with what nats.conf advises; without the dead letters it is told so, and a worker does the rest", async (t) => {
  const all = await waitingSagas(t, advised);
  await all.begin("t");
  assert.equal(await asItStands(all.submitter, "t"), true);
  assert.equal((await letterOf(all.orchestrator, "t"))?.code, "UNDO_FAILED");
  const some = await waitingSagas(t, advised.slice(0, -1));
  await some.begin("t");
  await assert.rejects(asItStands(some.submitter, "t"), {
    code: "PERMISSION_DENIED",
    message: /publish to "troupe\.dead\.saga\.run\.t": give this user/,
  });
  await some.submitter.signal("t", "go");
  await assert.rejects(some.submitter.task("t").result({ timeout: "20s" }), {
    code: "UNDO_FAILED",
  });
  assert.deepEqual([...all.undone, ...some.undone], []);
});
