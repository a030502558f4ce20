// What cannot come to a context is refused: events that it does not have, names that cannot be, other ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { headers as natsHeaders } from "@nats-io/transport-node";
import { encodeBody } from "../../../protocol/codec.js";
import { order } from "../../support/order.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

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
