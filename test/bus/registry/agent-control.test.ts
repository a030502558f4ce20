// Orders to an agent, where its instances are in processes that obey; test/e2e/pause.test.ts kills some.
import assert from "node:assert/strict";
import { test } from "node:test";
import { doer, gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("one lane is paused alone; a lane of an agent that is paused as a whole is not resumed alone", async (t) => {
  const bus = await shared.connect(t);
  const main = await bus.serve(
    doer((input) => input),
    quiet,
  );
  const next = await bus.serve(
    doer((input) => input),
    {
      ...quiet,
      lane: "next",
    },
  );
  const states = () => [main.card().state, next.card().state];
  await bus.pauseAgent("doer", { lane: "next" });
  assert.deepEqual(states(), ["ready", "paused"]);
  await bus.pauseAgent("doer");
  assert.deepEqual(states(), ["paused", "paused"]);
  await assert.rejects(bus.resumeAgent("doer", { lane: "main" }), {
    code: "STATE_REFUSED",
  });
  await bus.resumeAgent("doer");
  assert.deepEqual(states(), ["ready", "ready"]);
  await bus.pauseAgent("doer", { lane: "next" });
  await bus.resumeAgent("doer", { lane: "next" });
  assert.deepEqual(states(), ["ready", "ready"]);
});

test("who asks a paused agent is told so at once", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.pauseAgent("doer", { reason: "repairs" });
  await assert.rejects(bus.ask("doer.do", 1), {
    code: "AGENT_PAUSED",
    message: /agent "doer" is paused \(repairs\)/,
    retryable: true,
  });
  await bus.resumeAgent("doer");
  assert.equal(await bus.ask("doer.do", 1), 1);
});

test("who asks a lane that is paused is told so, and the other lanes answer", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(
    doer(() => "main"),
    quiet,
  );
  const next = { ...quiet, lane: "next" };
  await bus.serve(
    doer(() => "next"),
    next,
  );
  const ask = (lane: string) => bus.ask("doer.do", 1, { lane });
  await bus.pauseAgent("doer", { lane: "next" });
  await assert.rejects(ask("next"), {
    code: "AGENT_PAUSED",
    message: /agent "doer" is paused in lane "next"/,
  });
  assert.equal(await ask("main"), "main");
  await bus.resumeAgent("doer", { lane: "next" });
  assert.equal(await ask("next"), "next");
});

test("an agent that nobody serves is paused for whoever will", async (t) => {
  const bus = await shared.connect(t);
  assert.deepEqual(await bus.pauseAgent("doer"), []);
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  assert.equal(worker.card().state, "paused");
  await bus.pauseAgent("doer");
  await bus.resumeAgent("doer");
  await bus.resumeAgent("doer");
  assert.equal(await bus.call("doer.do", 1), 1);
});

test("all instances drain, or one of them, and finish what they have in hand", async (t) => {
  const operator = await shared.connect(t);
  const { opened, open } = gate();
  const serve = async () => {
    const bus = await shared.connect(t);
    return bus.serve(
      doer(() => opened),
      { ...quiet, concurrency: 1 },
    );
  };
  const workers = [await serve(), await serve(), await serve()];
  const [first, ...others] = workers;
  const gone = await operator.drainAgent("doer", { instance: first!.instance });
  assert.deepEqual(
    gone.map(({ instance }) => instance),
    [first!.instance],
  );
  await first!.stopped;
  assert.equal((await operator.instances("doer")).length, 2);
  const task = await operator.submit("doer.do", 1);
  await eventually(async () => (await task.state()) === "working");
  const draining = operator.drainAgent("doer");
  await eventually(async () =>
    (await operator.instances("doer")).some(
      ({ state, running }) => state === "draining" && running === 1,
    ),
  );
  open();
  assert.equal((await draining).length, 2);
  await Promise.all(others.map(({ stopped }) => stopped));
  assert.equal(await task.state(), "completed");
  assert.deepEqual(await operator.drainAgent("doer"), []);
});

test("an instance that does not obey in time is named, and the order stands", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const worker = await bus.serve(
    doer(() => opened),
    quiet,
  );
  const task = await bus.submit("doer.do", 1);
  await eventually(async () => (await task.state()) === "working");
  await assert.rejects(bus.drainAgent("doer", { timeout: "300ms" }), {
    code: "WAIT_TIMED_OUT",
    message: new RegExp(`"${worker.instance}".*The order stands`),
  });
  open();
  await worker.stopped;
});
