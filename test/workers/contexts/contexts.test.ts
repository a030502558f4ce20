// Stateful agents against a real server: what happens to a context, by its events, its timers and its calls.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually } from "../../support/eventually.js";
import { order, payment } from "../../support/order.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

async function served(t: TestContext) {
  const bus = await shared.connect(t);
  await bus.serve(order);
  await bus.serve(payment);
  return bus;
}

test("an event makes the actor of its context and changes it; contexts know nothing of each other", async (t) => {
  const bus = await served(t);
  const [one, two] = ["o-1", "o-2"].map((id) => bus.context(order, id));
  const result = await one!.call({ type: "ADD", item: "sock" });
  assert.deepEqual(result, {
    state: "open",
    tags: [],
    status: "active",
    changed: true,
  });
  await one!.call({ type: "ADD", item: "shoe" });
  await two!.call({ type: "ADD", item: "hat" });
  assert.deepEqual((await one!.snapshot())?.context.items, ["sock", "shoe"]);
  assert.deepEqual((await two!.snapshot())?.context.items, ["hat"]);
  assert.deepEqual((await one!.snapshot())?.context.at, new Date(0));
  assert.equal(await bus.context(order, "o-3").snapshot(), undefined);
});

test("an event may be submitted as a task, typed or by name, with its context", async (t) => {
  const bus = await served(t);
  const place = { context: "o-1" };
  await bus.call(order.skills.ADD, { item: "sock" }, place);
  await bus.call("order.ADD", { item: "shoe" }, place);
  const { context } = (await bus.context(order, "o-1").snapshot())!;
  assert.deepEqual(context.items, ["sock", "shoe"]);
});

test("what the machine emits is on the log, once and in order, when its event has ended", async (t) => {
  const bus = await served(t);
  const context = bus.context(order, "o-1");
  for (const item of ["a", "b", "c"]) await context.call({ type: "ADD", item });
  const emitted = [];
  for await (const { event } of context.emitted()) emitted.push(event);
  assert.deepEqual(
    emitted,
    [1, 2, 3].map((count) => ({ type: "added", count })),
  );
});

test("a machine calls a skill and goes on when it has ended; a child and a timer do their part", async (t) => {
  const bus = await served(t);
  const context = bus.context(order, "o-1");
  await context.call({ type: "ADD", item: "sock" });
  const paying = await context.call({ type: "PAY", amount: 7 });
  assert.equal(paying.state, "paying");
  await eventually(async () => (await context.snapshot())?.state === "packing");
  assert.equal((await context.snapshot())?.context.receipt, "o-1 7");
  const done = await context.call({ type: "SHIP" });
  assert.deepEqual(
    [done.state, done.status, done.output],
    ["done", "done", { items: 1 }],
  );
});

test("a timer of the machine comes by itself", async (t) => {
  const bus = await served(t);
  const context = bus.context(order, "o-1");
  await context.call({ type: "PAY", amount: 7 });
  await eventually(async () => (await context.snapshot())?.state === "late");
  assert.deepEqual((await context.snapshot())?.timers, []);
});

test("a call that fails comes as an error, also one that its agent would not take", async (t) => {
  const bus = await served(t);
  for (const [id, amount, problem] of [
    ["o-1", 13, /no luck/],
    ["o-2", -1, /amount/],
  ] as const) {
    const context = bus.context(order, id);
    await context.call({ type: "PAY", amount });
    const snapshot = await eventually(async () => {
      const now = await context.snapshot();
      return now?.state === "open" ? now : undefined;
    });
    assert.match(snapshot!.context.problem, problem);
  }
});

test("an event that is canceled while it waits is not applied, and those behind it are", async (t) => {
  const bus = await shared.connect(t);
  const context = bus.context(order, "o-1");
  const [first, second] = [
    await context.send({ type: "ADD", item: "first" }),
    await context.send({ type: "ADD", item: "second" }),
  ];
  const later = await context.send(
    { type: "ADD", item: "later" },
    { delay: "1h" },
  );
  assert.equal(await first.cancel("changed my mind"), true);
  assert.equal(await later.cancel(), true);
  assert.equal(await first.state(), "canceled");
  assert.deepEqual(
    (await bus.tasks({ agent: "order" })).map(({ state }) => state).sort(),
    ["canceled", "canceled", "submitted"],
  );
  await bus.serve(order);
  await second.result();
  assert.deepEqual((await context.snapshot())?.context.items, ["second"]);
  assert.equal(await second.cancel(), false);
});

test("a call whose state is left is canceled", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(order); // and nobody who takes the money
  const context = bus.context(order, "o-1");
  await context.call({ type: "PAY", amount: 7 });
  const charge = await eventually(
    async () => (await bus.tasks({ agent: "payment" }))[0],
  );
  assert.equal(charge?.context, "o-1");
  const { state } = await context.call({ type: "CANCEL" });
  assert.equal(state, "canceled");
  await eventually(
    async () => (await bus.find(charge.taskId))?.state === "canceled",
  );
});

test("several instances share the contexts of an agent, and each event is applied once and in order", async (t) => {
  const buses = await Promise.all([1, 2, 3].map(() => shared.connect(t)));
  for (const bus of buses) await bus.serve(order);
  const ids = Array.from({ length: 6 }, (_, at) => `o-${at}`);
  const items = Array.from({ length: 20 }, (_, n) => String(n));
  await Promise.all(
    ids.map(async (id) => {
      let last;
      for (const item of items)
        last = await buses[0]!.context(order, id).send({ type: "ADD", item });
      await last?.result();
    }),
  );
  for (const id of ids)
    assert.deepEqual(
      (await buses[1]!.context(order, id).snapshot())?.context.items,
      items,
    );
});
