// What degrades an instance, and how it comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { agentEvents } from "../../bus/history/agent-events.js";
import { connect } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

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

test("while the log cannot be written an instance takes nothing; when it can, it says so and goes on", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const { streams } = link.subjects;
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await eventually(async () => (await bus.instances()).length === 1);
  const { config } = await link.jsm.streams.info(streams.events);
  await link.jsm.streams.update(streams.events, {
    ...config,
    max_msg_size: 10,
  });
  const tasks = await Promise.all(
    Array.from({ length: 20 }, (_, at) => bus.submit("doer.do", at)),
  );
  await eventually(() => worker.card().state === "degraded");
  assert.match(worker.card().troubles![0]!, /^log: /);
  await eventually(
    async () => (await bus.instances())[0]?.state === "degraded",
  );
  await link.jsm.streams.update(streams.events, { ...config });
  const outputs = await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(outputs, Array.from(tasks.keys()));
  await eventually(() => worker.card().state === "ready");
  assert.equal(worker.card().troubles, undefined);
  const recovered = [];
  for await (const event of agentEvents(link, { kind: "recovered" }))
    recovered.push(event.data["trouble"]);
  assert.deepEqual(recovered, ["log"]);
});

test("an instance whose event loop was blocked says so and goes on", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await bus.serve(
    doer((input) => input),
    { ...quiet, ackWait: "1s" },
  );
  const until = performance.now() + 2_200; // a tick of a second, and one more
  while (performance.now() < until);
  const events = async () => {
    for await (const { data } of agentEvents(link, { kind: "recovered" }))
      return data;
    return undefined;
  };
  const told = await eventually(events);
  assert.equal(told!["trouble"], "event loop");
  assert.equal(await bus.call("doer.do", 1), 1);
});
