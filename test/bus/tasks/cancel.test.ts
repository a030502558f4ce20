// Canceling by a user who may not remove the message: it comes to a worker all the same.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { connect, type Bus } from "../../../index.js";
import { doer, gate, quiet } from "../../support/doer.js";
import { testServer } from "../../support/server.js";

async function opened(t: TestContext) {
  const server = await testServer({
    extraConfig: `authorization { users: [
      { user: owner, password: pw }
      { user: poor, password: pw, permissions: {
        publish: { deny: "$JS.API.STREAM.MSG.DELETE.>" }, subscribe: ">" } }
    ] }`,
  });
  const buses: Bus[] = [];
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.stop();
  });
  return async (user: "owner" | "poor") => {
    const url = server.url.replace("nats://", `nats://${user}:pw@`);
    const bus = await connect({ url });
    buses.push(bus);
    return bus;
  };
}

for (const more of [{}, { key: "k" }])
  test(`a canceled task that waits${"key" in more ? " with a key" : ""} is not begun, although its message is still there`, async (t) => {
    const as = await opened(t);
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
  const as = await opened(t);
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
