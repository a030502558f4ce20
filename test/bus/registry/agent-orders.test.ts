import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  agentOrders,
  drainBody,
  isPaused,
  parseDrain,
  withoutPause,
  withPause,
  type AgentOrders,
} from "../../../bus/registry/agent-orders.js";

const lanes = ["main", "next", "old"];
const lane = fc.option(fc.constantFrom(...lanes), { nil: undefined });
const step = fc.record({ pause: fc.boolean(), lane });

/** Null where it is refused. */
function obey(
  orders: AgentOrders,
  { pause, lane }: { pause: boolean; lane: string | undefined },
): AgentOrders | null {
  const order = { lane, reason: undefined, since: "now" };
  try {
    return pause ? withPause(orders, order) : withoutPause(orders, "a", lane);
  } catch {
    return null;
  }
}

test("whatever is ordered, lanes are paused as if each had been told by itself", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let orders = agentOrders.unset;
      let whole = false;
      const alone = new Set<string>();
      for (const each of steps) {
        const after = obey(orders, each);
        const refused: boolean =
          !each.pause && each.lane !== undefined && whole;
        assert.equal(after === null, refused);
        if (after === null) continue;
        if (each.lane === undefined) whole = each.pause;
        else if (each.pause && !whole) alone.add(each.lane);
        else if (!each.pause) alone.delete(each.lane);
        if (!each.pause && each.lane === undefined) alone.clear();
        orders = agentOrders.schema.parse(JSON.parse(JSON.stringify(after)));
        assert.deepEqual(orders, after, "it is stored as it is");
        for (const name of lanes)
          assert.equal(isPaused(orders, name), whole || alone.has(name));
        assert.equal(obey(orders, each), orders, "the same again is nothing");
      }
    }),
  );
});

test("why and since when is kept as long as anything is paused, and a newer reason counts", () => {
  const order = { lane: undefined, reason: "repairs", since: "monday" };
  const paused = withPause(agentOrders.unset, order);
  const again = withPause(paused, { ...order, since: "tuesday" });
  assert.equal(again, paused);
  const newer = withPause(paused, { ...order, reason: "more repairs" });
  assert.equal(newer.reason, "more repairs");
  const { reason, since } = withoutPause(newer, "a", undefined);
  assert.deepEqual([reason, since], [undefined, undefined]);
});

test("what a newer version has written beside it is kept", () => {
  const stored = { ...agentOrders.unset, colour: "red" };
  const paused = withPause(stored, {
    lane: "main",
    reason: undefined,
    since: "now",
  });
  const resumed = withoutPause(paused, "a", "main");
  assert.equal((resumed as typeof stored).colour, "red");
});

test("the word to drain is read back, and anything else is none", () => {
  assert.deepEqual(parseDrain(drainBody({ instance: "i" })), { instance: "i" });
  assert.deepEqual(parseDrain(Buffer.from(`{"params":{}}`)), {});
  for (const text of ["", "drain", "[]", "{}", `{"params":{"instance":5}}`])
    assert.equal(parseDrain(Buffer.from(text)), undefined);
});
