import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../index.js";
import { doer, gate, quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();

test("an ask is answered by whichever instance is there, and nothing is stored", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  const durable: boolean[] = [];
  const echo = doer((input, task) => {
    durable.push(task.durable);
    return input;
  });
  await bus.serve(echo, quiet);
  await other.serve(echo, quiet);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, at) => bus.ask(echo.skills.do, { at })),
  );
  assert.deepEqual(answers[7], { at: 7 });
  assert.equal(durable.length, 50);
  assert.ok(durable.every((one) => !one));
  const link = await shared.link(t);
  const { streams, queue } = link.subjects;
  for (const name of [queue("doer"), streams.dead])
    assert.equal((await link.jsm.streams.info(name)).state.last_seq, 0);
  const { state } = await link.jsm.streams.info(streams.events, {
    subjects_filter: link.subjects.taskEventsWhere({}),
  });
  assert.deepEqual(state.subjects ?? {}, {});
});

test("where nobody is there to answer, an ask says so at once", async (t) => {
  const bus = await shared.connect(t);
  await assert.rejects(bus.ask("doer.do", 1), {
    code: "NO_RESPONDERS",
    message: /no instance of agent "doer" .* submit a durable task instead/,
  });
});

test("an ask that is not answered ends after its time, and a late answer does no harm", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const slow = doer((input) => (input === "slow" ? opened : input));
  await bus.serve(slow, quiet);
  await assert.rejects(bus.ask(slow.skills.do, "slow", { timeout: "100ms" }), {
    code: "WAIT_TIMED_OUT",
    message: /waited 100ms for doer\.do to answer/,
  });
  open();
  assert.equal(await bus.ask(slow.skills.do, "quick"), "quick");
});

test("an error of the handler is the asker's error", async (t) => {
  const bus = await shared.connect(t);
  const cursed = doer(() => {
    throw new Error("boom");
  });
  await bus.serve(cursed, quiet);
  await assert.rejects(bus.ask(cursed.skills.do, 1), {
    code: "HANDLER_FAILED",
    message: "boom",
  });
});

test("asks in hand are answered before a worker has drained", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  const { opened, open } = gate();
  const { opened: running, open: runs } = gate();
  const slow = doer(async () => {
    runs();
    await opened;
    return "answered";
  });
  const worker = await other.serve(slow, quiet);
  const asked = bus.ask(slow.skills.do, 1);
  await running;
  const drained = worker.drain();
  open();
  assert.equal(await asked, "answered");
  await drained;
  await assert.rejects(bus.ask(slow.skills.do, 1), { code: "NO_RESPONDERS" });
});

test("an ask under way fails when the connection is closed or breaks, for nobody knows whether it was handled", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  await using other = await connect({ url: server.url });
  const { opened, open } = gate();
  const slow = doer(() => opened);
  await other.serve(slow, quiet);
  const closed = assert.rejects(bus.ask(slow.skills.do, 1), {
    code: "CONNECTION_CLOSED",
  });
  await bus.close();
  await closed;
  await using third = await connect({ url: server.url });
  await third.lanes.all(); // so that the ask is under way at once
  const broken = assert.rejects(third.ask(slow.skills.do, 1), {
    code: "NOT_CONNECTED",
    message: /may or may not have been handled/,
  });
  await server.kill();
  await server.restart();
  await broken;
  open();
});
