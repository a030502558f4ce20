import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bus } from "../../index.js";
import { order } from "../support/order.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
    ? true
    : false;

test("events, results, snapshots and emitted events have the types of machine and schemas", () => {
  const uses = (bus: Bus) => {
    const context = bus.context(order, "o-7");
    return {
      sent: () => context.call({ type: "ADD", item: "sock" }),
      bySchema: () => context.call({ type: "PAY", amount: 1 }),
      typed: () => bus.call(order.skills.PAY, { amount: 1 }, { context: "c" }),
      byMachine: () =>
        bus.call(order.skills.ADD, { item: "a" }, { context: "c" }),
      snapshot: () => context.snapshot(),
      emitted: () => context.emitted(),
      // @ts-expect-error an event that the machine does not have
      unknown: () => context.send({ type: "NOPE" }),
      // @ts-expect-error a field that the machine's event does not have
      wrong: () => context.send({ type: "ADD", itm: "a" }),
      // @ts-expect-error a value that the schema does not take
      refused: () => context.send({ type: "PAY", amount: "1" }),
      // @ts-expect-error a skill's input that the machine's event does not have
      wrongInput: () => bus.call(order.skills.ADD, { itm: "a" }, {}),
      // @ts-expect-error no such event
      noSkill: () => order.skills.NOPE,
    };
  };
  type Uses = ReturnType<typeof uses>;
  type Of<Name extends keyof Uses> = Awaited<ReturnType<Uses[Name]>>;
  type Emitted =
    Of<"emitted"> extends AsyncGenerator<infer Item> ? Item : never;
  const same: [
    Same<Of<"sent">["output"], { items: number } | undefined>,
    Same<Of<"typed">["changed"], boolean>,
    Same<NonNullable<Of<"snapshot">>["context"]["items"], string[]>,
    Same<
      Emitted extends { event: infer Event } ? Event : never,
      { type: "added"; count: number } | { type: "paid"; receipt: string }
    >,
  ] = [true, true, true, true];
  assert.ok(same.every(Boolean));
  assert.equal(typeof uses, "function");
});
