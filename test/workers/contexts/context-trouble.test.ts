// Stateful agents where something is wrong: machines that throw, events nobody knows, names that cannot be, snapshots of
// another version, messages that come the wrong way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assign, fromPromise, setup } from "xstate";
import { z } from "zod";
import { agent, callSkill, refuse, reject, type Bus } from "../../../index.js";
import { beforeMessage } from "../../support/before-message.js";
import { eventually } from "../../support/eventually.js";
import { order, payment } from "../../support/order.js";
import { sharedServer } from "../../support/shared-server.js";
import { counting, retry } from "../../support/counting.js";

const shared = sharedServer();

async function letters(bus: Bus, name: string) {
  const found = [];
  for await (const letter of bus.deadLetters({ agent: name }))
    found.push(letter);
  return found;
}

test("an assign that throws fails its event after its attempts; the context keeps its state and goes on", async (t) => {
  const bus = await shared.connect(t);
  let attempts = 0;
  const counter = agent("counter", {
    machine: counting((n) => {
      if (n !== 13) return;
      attempts++;
      throw new Error("thirteen");
    }),
    retry,
  });
  await bus.serve(counter);
  const context = bus.context(counter, "c");
  await context.call({ type: "ADD", n: 1 });
  await assert.rejects(context.call({ type: "ADD", n: 13 }), {
    code: "ATTEMPTS_EXHAUSTED",
    message: /thirteen/,
  });
  await context.call({ type: "ADD", n: 2 });
  assert.equal(attempts, 2);
  assert.deepEqual((await context.snapshot())?.context, { sum: 3 });
  assert.equal((await letters(bus, "counter")).length, 1);
});

test("an event may be refused or rejected by what the machine throws", async (t) => {
  const bus = await shared.connect(t);
  const counter = agent("counter", {
    machine: counting((n) => {
      if (n < 0) throw reject("nothing below zero");
      if (n > 9) throw refuse("too much");
    }),
  });
  await bus.serve(counter);
  const context = bus.context(counter, "c");
  await assert.rejects(context.call({ type: "ADD", n: -1 }), {
    code: "TASK_REJECTED",
    message: "nothing below zero",
  });
  await assert.rejects(context.call({ type: "ADD", n: 10 }), {
    code: "HANDLER_REFUSED",
  });
  await context.call({ type: "ADD", n: 4 });
  assert.deepEqual((await context.snapshot())?.context, { sum: 4 });
});

test("a machine that goes in a circle fails its event, and nobody else's", async (t) => {
  const bus = await shared.connect(t);
  const spinner = agent("spinner", {
    machine: setup({
      types: { events: {} as { type: "SPIN" } | { type: "REST" } },
    }).createMachine({
      initial: "still",
      states: {
        still: { on: { SPIN: "one", REST: {} } },
        one: { always: "two" },
        two: { always: "one" },
      },
    }),
  });
  await bus.serve(spinner);
  await assert.rejects(bus.context(spinner, "a").call({ type: "SPIN" }), {
    code: "HANDLER_REFUSED",
    message: /go in a circle/,
  });
  const { state } = await bus.context(spinner, "b").call({ type: "REST" });
  assert.equal(state, "still");
});

test("where the agent says so, a context stands still after a dead letter until a person redrives or resumes", async (t) => {
  const bus = await shared.connect(t);
  let broken = true;
  const counter = agent("counter", {
    machine: counting((n) => {
      if (n === 13 && broken) throw refuse("thirteen");
    }),
    onDeadLetter: "stop",
  });
  await bus.serve(counter);
  const [mended, resumed, other] = ["m", "r", "o"].map((id) =>
    bus.context(counter, id),
  );
  for (const context of [mended!, resumed!]) {
    await assert.rejects(context.call({ type: "ADD", n: 13 }));
    await assert.rejects(context.call({ type: "ADD", n: 1 }), {
      code: "CONTEXT_STOPPED",
      message: /stands still since nobody could handle task.*thirteen.*redrive/,
    });
  }
  await other!.call({ type: "ADD", n: 1 });
  broken = false;
  const dead = await letters(bus, "counter");
  // Oldest first: what stopped it, then what it refused since.
  for (const letter of dead.slice(0, 2))
    await bus.task(await letter.redrive()).result();
  assert.deepEqual((await mended!.snapshot())?.context, { sum: 14 });
  assert.equal((await mended!.snapshot())?.stopped, undefined);
  const task = await resumed!.resume();
  assert.deepEqual(await task.result(), { resumed: true });
  await resumed!.call({ type: "ADD", n: 2 });
  assert.deepEqual((await resumed!.snapshot())?.context, { sum: 2 });
});

test("a context stands still until the last of the letters is redriven, where its event fails once more", async (t) => {
  const bus = await shared.connect(t);
  let broken = true;
  const counter = agent("counter", {
    machine: counting(() => {
      if (broken) throw refuse("no");
    }),
    onDeadLetter: "stop",
  });
  await bus.serve(counter);
  const context = bus.context(counter, "c");
  await assert.rejects(context.call({ type: "ADD", n: 13 }));
  const [first] = await letters(bus, "counter");
  await assert.rejects(bus.task(await first!.redrive()).result(), /no/);
  broken = false;
  const [second] = await letters(bus, "counter");
  await bus.task(await second!.redrive()).result();
  await context.call({ type: "ADD", n: 1 });
  assert.deepEqual((await context.snapshot())?.context, { sum: 14 });
});

test("a context does not stand still for an event that was canceled just before its end was stored", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  const counter = agent("counter", {
    machine: counting((n) => {
      if (n === 13) throw refuse("thirteen");
    }),
    onDeadLetter: "stop",
  });
  await bus.serve(counter);
  const context = bus.context(counter, "c");
  beforeMessage(t, ".event.task.counter.odd.", () =>
    other.task("odd").cancel("no longer"),
  );
  const odd = await context.send({ type: "ADD", n: 13 }, { id: "odd" });
  await assert.rejects(odd.result(), { code: "TASK_CANCELED" });
  await context.call({ type: "ADD", n: 1 });
  const snapshot = await context.snapshot();
  assert.deepEqual(
    [snapshot?.context, snapshot?.stopped],
    [{ sum: 1 }, undefined],
  );
  assert.deepEqual(await letters(bus, "counter"), []);
});

test("a machine in its final state rejects what comes, and keeps its record", async (t) => {
  const bus = await shared.connect(t);
  const counter = agent("counter", { machine: counting(() => undefined) });
  await bus.serve(counter);
  const context = bus.context(counter, "c");
  await context.call({ type: "END" });
  await assert.rejects(context.call({ type: "ADD", n: 1 }), {
    code: "TASK_REJECTED",
    message: /context "c" of agent "counter" is in a final state/,
  });
  assert.equal((await context.snapshot())?.status, "done");
  assert.equal((await letters(bus, "counter")).length, 0);
});

test("an action that throws, at once or later, is told in the log and harms nothing", async (t) => {
  const bus = await shared.connect(t);
  const did: string[] = [];
  const actor = agent("actor", {
    machine: setup({ types: { events: {} as { type: "GO" } } }).createMachine({
      on: {
        GO: {
          actions: [
            () => {
              throw new Error("at once");
            },
            () => Promise.reject(new Error("later")),
            () => void did.push("the last"),
          ],
        },
      },
    }),
  });
  await bus.serve(actor);
  await bus.context(actor, "a").call({ type: "GO" });
  await bus.context(actor, "a").call({ type: "GO" });
  assert.deepEqual(did, ["the last", "the last"]);
});

test("what lives in one process only is refused when the agent is declared, and callSkill is named", () => {
  const promise = fromPromise(() => Promise.resolve(1));
  const named = setup({ actors: { promise } }).createMachine({
    invoke: { src: "promise" },
    on: { A: {} },
  });
  const inline = setup({}).createMachine({
    initial: "a",
    states: { a: { invoke: { src: promise } as never } },
    on: { A: {} },
  });
  const nested = setup({ actors: { named } }).createMachine({
    invoke: { src: "named" },
    on: { A: {} },
  });
  const absent = setup({}).createMachine({
    invoke: { src: "nobody" } as never,
    on: { A: {} },
  });
  for (const machine of [named, inline, nested])
    assert.throws(() => agent("a", { machine }), {
      code: "ARGUMENT_INVALID",
      message: /lives in one process.*callSkill/,
    });
  for (const machine of [{}, null, { states: {} }])
    assert.throws(() => agent("a", { machine: machine as never }), {
      code: "ARGUMENT_INVALID",
      message: /machine of agent "a" is none of XState 5/,
    });
  assert.throws(() => agent("a", { machine: absent }), {
    message: /invokes "nobody".*setup/,
  });
  assert.throws(() => agent("a", { machine: setup({}).createMachine({}) }), {
    message: /takes no events/,
  });
});

test("what is no record is refused and stays as it is", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(agent("order", { machine: order.actor.machine, retry }));
  const bare = await shared.bare(t);
  bare.publish(`$KV.${bus.namespace}_state.order.c`, "junk");
  await bare.flush();
  await assert.rejects(bus.context(order, "c").call({ type: "CANCEL" }), {
    code: "SNAPSHOT_REFUSED",
    message: /record of context "c" of agent "order" cannot be read/,
  });
});

test("too large a state fails its event and says so", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  const context = bus.context(order, "c");
  const item = "x".repeat(400_000);
  await context.call({ type: "ADD", item });
  await assert.rejects(context.call({ type: "ADD", item: `${item}${item}` }), {
    code: "PAYLOAD_TOO_LARGE",
  });
  assert.equal((await context.snapshot())?.context.items.length, 1);
});

test("a call to a skill or an agent that is not there comes to the machine as an error", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(payment);
  const machine = setup({
    types: {
      context: {} as { errors: string[] },
      events: {} as { type: "GO" },
    },
    actors: {
      noAgent: callSkill("nobody.charge"),
      noSkill: callSkill("payment.refund"),
    },
  }).createMachine({
    context: { errors: [] },
    initial: "idle",
    states: {
      idle: { on: { GO: "one" } },
      one: {
        invoke: {
          src: "noAgent",
          onError: {
            target: "two",
            actions: assign({
              errors: ({ event }) => [(event.error as { code: string }).code],
            }),
          },
        },
      },
      two: {
        invoke: {
          src: "noSkill",
          onError: {
            target: "end",
            actions: assign({
              errors: ({ context, event }) => [
                ...context.errors,
                (event.error as { code: string }).code,
              ],
            }),
          },
        },
      },
      end: {},
    },
  });
  const caller = agent("caller", { machine });
  await bus.serve(caller);
  const context = bus.context(caller, "c");
  await context.call({ type: "GO" });
  const { context: kept } = (await eventually(async () => {
    const now = await context.snapshot();
    return now?.state === "end" ? now : undefined;
  }))!;
  assert.deepEqual(kept.errors, ["AGENT_UNKNOWN", "SKILL_UNKNOWN"]);
});

test("the card says that an agent is stateful, and has its events as skills", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  const [card] = await bus.agents();
  assert.equal(card?.stateful, true);
  assert.deepEqual(card.skills.map(({ id }) => id).sort(), [
    "ADD",
    "BREAK",
    "CANCEL",
    "PAY",
    "SHIP",
  ]);
  const pay = card.skills.find(({ id }) => id === "PAY");
  assert.equal(pay?.description, "Pays for the order");
  assert.deepEqual(Object.keys(pay.inputSchema["properties"] as object), [
    "amount",
  ]);
  assert.ok(z.fromJSONSchema(pay.inputSchema).safeParse({ amount: 1 }).success);
});
