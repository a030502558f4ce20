// Machines that call whoever meets a need, and where their calls go.
import assert from "node:assert/strict";
import { test } from "node:test";
import { callSkill, type Bus } from "../../../index.js";
import { caller, callerOf, printer } from "../../support/caller.js";
import { killChildren, startChild } from "../../support/child.js";
import { eventually } from "../../support/eventually.js";
import type { Halt } from "../../support/halting.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;

const printed = async (bus: Bus, id: string) =>
  (await bus.context(caller, id).snapshot())?.context.printed;

const callsOf = async (bus: Bus, agent: string) =>
  (await bus.tasks()).filter((task) => task.agent === agent);

test("a machine may call whoever meets a need, and the call says why it went there", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(caller, quiet);
  await bus.serve(printer("old", "1.4.0"), quiet);
  await bus.serve(printer("new", "2.1.0"), quiet);
  await bus.context(caller, "c").call({ type: "PRINT", text: "a" });
  await eventually(async () => (await printed(bus, "c")) === "new a");
  const events = [];
  for await (const event of bus.replay({ agent: "new" })) events.push(event);
  assert.equal(events[0]?.route?.need.version, "^2");
});

test("a need that nobody meets comes to the machine as an error", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(caller, quiet);
  await bus.serve(printer("old", "1.4.0"), quiet);
  await bus.context(caller, "c").call({ type: "PRINT", text: "a" });
  await eventually(async () => (await printed(bus, "c")) === "NO_CANDIDATE");
});

test("a call that was found by a need is canceled when its state is left", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(caller, quiet);
  await bus.serve(printer("new", "2.1.0", true), quiet);
  const context = bus.context(caller, "c");
  await context.call({ type: "PRINT", text: "a" });
  await eventually(async () => (await callsOf(bus, "new")).length === 1);
  await context.call({ type: "STOP" });
  await eventually(
    async () => (await callsOf(bus, "new"))[0]?.state === "canceled",
  );
});

test("who was found stands in the record: a call goes there, though another would be found now", async (t) => {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const halt: Halt = { at: 1, when: "after", by: "SIGKILL" };
  const told = { url: shared.server.url, namespace: bus.namespace };
  const first = await bus.serve(printer("one", "2.0.0"), quiet);
  const dying = await startChild<object>(t, "caller-process", {
    ...told,
    halt,
  });
  await bus.context(caller, "c").send({ type: "PRINT", text: "a" });
  await dying.ended; // the record is stored, and nothing was sent
  await first.drain();
  await bus.serve(printer("other", "2.0.0"), quiet);
  await startChild<object>(t, "caller-process", told);
  await eventually(async () => (await callsOf(bus, "one")).length === 1, {
    timeoutMs: 20_000,
  });
  await bus.serve(printer("one", "2.0.0"), quiet);
  await eventually(async () => (await printed(bus, "c")) === "one a");
  assert.deepEqual(await callsOf(bus, "other"), []);
});

test("a call that names no lane follows the lanes of the agent that it calls", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(callerOf("new.print"), quiet);
  const first = await bus.serve(printer("new", "2.1.0"), quiet);
  await bus.serve(printer("new", "2.2.0"), { ...quiet, lane: "next" });
  await bus.lanes.promote("new", "next");
  await first.drain();
  await bus.context(caller, "c").call({ type: "PRINT", text: "a" });
  await eventually(async () => (await printed(bus, "c")) === "new a");
});

test("a need that waits is refused where a machine is made", () => {
  assert.throws(() => callSkill({ skill: "print", wait: "5s" }), {
    code: "ARGUMENT_INVALID",
    message: /nobody waits/,
  });
});
