// Stateful agents where something is wrong: machines that throw, events nobody knows, names that cannot be, snapshots of
// another version, messages that come the wrong way.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { headers as natsHeaders } from "@nats-io/transport-node";
import { assign, fromPromise, setup } from "xstate";
import { z } from "zod";
import { agent, callSkill, refuse, reject, type Bus } from "../../../index.js";
import { encodeBody } from "../../../protocol/codec.js";
import { eventually } from "../../support/eventually.js";
import { order, payment } from "../../support/order.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const counting = (fails: (n: number) => void) =>
  setup({
    types: {
      context: {} as { sum: number },
      events: {} as { type: "ADD"; n: number } | { type: "END" },
    },
  }).createMachine({
    context: { sum: 0 },
    initial: "on",
    states: {
      on: {
        on: {
          ADD: {
            actions: assign({
              sum: ({ context, event }) => {
                fails(event.n);
                return context.sum + event.n;
              },
            }),
          },
          END: "off",
        },
      },
      off: { type: "final" },
    },
  });

const retry = { attempts: 2, first: "10ms" } as const;

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

test("an event of a type that the machine does not have is refused, by whoever sends it", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  const place = { context: "o-1" };
  await assert.rejects(bus.submit("order.NOPE", {}, place), {
    code: "SKILL_UNKNOWN",
    message: /"order" has no skill "NOPE"/,
  });
  const wrong = { type: "NOPE" } as unknown as { type: "CANCEL" };
  assert.throws(() => void bus.context(order, "o-1").send(wrong), {
    code: "SKILL_UNKNOWN",
  });
  await assert.rejects(
    bus.context(order, "o-1").send({ type: "PAY", amount: "7" as never }),
    { code: "INPUT_INVALID", message: /amount/ },
  );
});

test("names of contexts may have dots and wildcards, and no more than fits", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  const names = [
    "a.b",
    "*",
    ">",
    "a b",
    "~x",
    "%2e",
    "ö".repeat(40),
    "x".repeat(200),
  ];
  for (const name of names)
    await bus.context(order, name).call({ type: "ADD", item: name });
  for (const name of names) {
    const context = bus.context(order, name);
    assert.deepEqual((await context.snapshot())?.context.items, [name]);
    const emitted = [];
    for await (const { context: of } of context.emitted()) emitted.push(of);
    assert.deepEqual(emitted, [name]);
  }
  for (const name of ["", "x".repeat(10_000), "\ud800"]) {
    assert.throws(() => bus.context(order, name), { code: "ARGUMENT_INVALID" });
    await assert.rejects(
      bus.submit(order.skills.ADD, { item: "a" }, { context: name }),
      { code: "ARGUMENT_INVALID", message: /^context / },
    );
  }
});

test("without a context, or with another key, an event is refused at submit; a question always", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  const item = { item: "a" };
  for (const target of [order.skills.ADD, "order.ADD"] as const) {
    await assert.rejects(bus.submit(target, item), {
      code: "ARGUMENT_INVALID",
      message: /"order" is stateful and the task names no context/,
    });
    await assert.rejects(bus.submit(target, item, { context: "c", key: "k" }), {
      code: "ARGUMENT_INVALID",
      message: /leave the key "k" out/,
    });
    await assert.rejects(bus.ask(target, item), {
      code: "ARGUMENT_INVALID",
      message: /durable/,
    });
  }
});

test("a message that came the wrong way is no event: without context, by no key, by another's key", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order);
  await bus.context(order, "c").call({ type: "ADD", item: "first" });
  const bare = await shared.bare(t);
  const { namespace } = bus;
  const send = async (subject: string, id: string, context?: string) => {
    const headers = natsHeaders();
    if (context !== undefined) headers.set("Troupe-Context", context);
    const params = { name: "ADD", arguments: { item: id } };
    const body = { jsonrpc: "2.0", id, method: "tools/call", params };
    bare.publish(`${namespace}.${subject}.${id}`, encodeBody(body), {
      headers,
    });
    await assert.rejects(bus.task(id).result(), {
      code: "ARGUMENT_INVALID",
      message:
        context === undefined ? /names no context/ : /did not come by the key/,
    });
  };
  await send("task.normal.order.main.ADD", "one");
  await send("task.normal.order.main.ADD", "two", "c");
  await send("keyed.order.main.another", "three", "c");
  await send("keyed.order.main.c", "four");
  assert.deepEqual((await bus.context(order, "c").snapshot())?.context.items, [
    "first",
  ]);
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

/** The same machine, a version further: what was called sum is called total. */
const totaling = setup({
  types: {
    context: {} as { total: number },
    events: {} as { type: "ADD"; n: number } | { type: "END" },
  },
}).createMachine({
  context: { total: 0 },
  on: {
    ADD: {
      actions: assign({
        total: ({ context, event }) => context.total + event.n,
      }),
    },
  },
});

const older = agent("counter", { machine: counting(() => undefined), retry });
const newer = agent("counter", {
  machine: totaling,
  snapshotVersion: "2",
  retry,
  migrate: (snapshot, version) => {
    assert.equal(version, "1");
    const { context, ...rest } = snapshot as { context: { sum: number } };
    return { ...rest, value: {}, context: { total: context.sum } };
  },
});

async function withOlder(t: TestContext) {
  const bus = await shared.connect(t);
  const worker = await bus.serve(older);
  await bus.context(older, "c").call({ type: "ADD", n: 1 });
  return { bus, worker };
}

test("a newer machine migrates old snapshots, with the first event that each context gets", async (t) => {
  const { bus, worker } = await withOlder(t);
  await worker.drain();
  await bus.serve(newer);
  const context = bus.context(newer, "c");
  await context.call({ type: "ADD", n: 2 });
  const snapshot = await context.snapshot();
  assert.deepEqual([snapshot?.context, snapshot?.version], [{ total: 3 }, "2"]);
});

test("without a migrate function a context of another version is refused, and left to who can handle it", async (t) => {
  const { bus, worker } = await withOlder(t);
  await worker.drain();
  const { migrate: _, ...rest } = { migrate: 0, machine: totaling, retry };
  await bus.serve(agent("counter", { ...rest, snapshotVersion: "2" }));
  await assert.rejects(bus.context(newer, "c").call({ type: "ADD", n: 2 }), {
    code: "ATTEMPTS_EXHAUSTED",
    message: /snapshot of version "1".*version "2".*migrate/,
  });
});

test("while two versions are served at once, an event that one cannot handle finds the other", async (t) => {
  const { bus } = await withOlder(t);
  const patient = { attempts: 50, first: "10ms", max: "20ms" } as const;
  const second = await shared.connect(t);
  await second.serve(
    agent("counter", {
      machine: totaling,
      snapshotVersion: "2",
      retry: patient,
    }),
  );
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      bus.context(older, "c").call({ type: "ADD", n: 1 }),
    ),
  );
  assert.equal(results.length, 20);
  const { context } = (await bus.context(older, "c").snapshot())!;
  assert.deepEqual(context, { sum: 21 });
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
