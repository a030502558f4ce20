// Canceling by a user who may not remove the message: it comes to a worker all the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { doer, gate, quiet } from "../../support/doer.js";
import { serverWithPoorUser } from "../../support/poor-user.js";

for (const more of [{}, { key: "k" }])
  test(`a canceled task that waits${"key" in more ? " with a key" : ""} is not begun, although its message is still there`, async (t) => {
    const as = await serverWithPoorUser(t);
    const bus = await as("owner");
    const { opened: finish, open } = gate();
    const { opened: begun, open: begin } = gate();
    const ran: unknown[] = [];
    const busy = doer(async (input) => {
      ran.push(input);
      begin();
      await finish;
    });
    const worker = await bus.serve(busy, { ...quiet, concurrency: 1 });
    const first = await bus.submit(busy.skills.do, "first", more);
    const second = await bus.submit(busy.skills.do, "second", more);
    await begun;
    const other = await as("poor");
    assert.equal(await other.task(second.id).cancel("not needed"), true);
    open();
    await first.result();
    await bus.call(busy.skills.do, "third", { ...more, timeout: "10s" });
    assert.deepEqual(ran, ["first", "third"]);
    assert.equal(worker.counts.late, 1);
    assert.equal(await second.state(), "canceled");
  });

test("a canceled task that was delayed is not begun, also by a worker that did not hear of it", async (t) => {
  const as = await serverWithPoorUser(t);
  const other = await as("poor");
  const ran: unknown[] = [];
  const idle = doer((input) => ran.push(input));
  const task = await other.submit(idle.skills.do, "canceled", { delay: 1 });
  assert.equal(await task.cancel(), true);
  const bus = await as("owner");
  await bus.serve(idle, quiet);
  await bus.call(idle.skills.do, "next", { delay: "300ms" });
  assert.deepEqual(ran, ["next"]);
});
