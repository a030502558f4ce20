// What degrades an instance whose server dies; test/bus/registry/agent-control.test.ts has the other troubles.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer } from "../support/server.js";

test("an instance without its server is degraded, comes back by itself, and tells for how long it was away", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await server.kill();
  await eventually(() => worker.card().state === "degraded");
  assert.deepEqual(worker.card().troubles, ["connection: lost"]);
  await server.restart();
  await eventually(() => worker.card().state === "ready", {
    timeoutMs: 20_000,
  });
  assert.equal(worker.card().troubles, undefined);
  assert.equal(await bus.call("doer.do", 1), 1);
  const recovered = await eventually(async () => {
    for await (const event of bus.replay({ kind: "agent" }))
      if (event.kind === "recovered") return event;
    return undefined;
  });
  assert.equal(recovered?.instance, worker.instance);
  assert.equal(recovered.data["trouble"], "connection");
  assert.ok(Number(recovered.data["forMs"]) > 0);
});

test("a paused instance whose server dies comes back paused", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  const handled: unknown[] = [];
  const worker = await bus.serve(
    doer((input) => handled.push(input)),
    { ...quiet, ackWait: "1s" }, // what it gave back while the server died comes after that
  );
  await bus.pauseAgent("doer");
  const task = await bus.submit("doer.do", 1);
  await server.kill();
  await eventually(() => (worker.card().troubles ?? []).length > 0);
  assert.equal(worker.card().state, "paused");
  await server.restart();
  await eventually(() => worker.card().troubles === undefined, {
    timeoutMs: 20_000,
  });
  assert.equal(worker.card().state, "paused");
  assert.deepEqual(handled, []);
  await bus.resumeAgent("doer");
  await task.result();
  assert.deepEqual(handled, [1]);
});
