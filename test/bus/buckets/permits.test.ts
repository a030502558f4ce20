import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { claim, heldBy, type Permits } from "../../../bus/buckets/permits.js";

const limit = 4;
const ttlMs = 100;
const ask = (instance: string, wants: number, uses = 0) => ({
  instance,
  wants,
  uses,
  limit,
  ttlMs,
});

test("an instance gets what it wants while there is enough, and no more", () => {
  const one = claim(undefined, ask("a", 3), 0);
  assert.equal(heldBy(one, "a"), 3);
  assert.equal(heldBy(claim(one, ask("b", 3), 0), "b"), 1);
});

test("who holds more than its share gives up what it does not use once another waits", () => {
  const all = claim(undefined, ask("a", 9), 0);
  const waited = claim(all, ask("b", 4), 0);
  assert.equal(heldBy(waited, "b"), 0);
  const shared = claim(waited, ask("a", 9, 1), 0);
  assert.equal(heldBy(shared, "a"), 2);
  assert.equal(heldBy(claim(shared, ask("b", 4), 0), "b"), 2);
  assert.equal(heldBy(claim(waited, ask("a", 9, 3), 0), "a"), 3); // in use
});

test("who is silent for the time to live holds nothing any more, and who wants nothing is gone", () => {
  const held = claim(undefined, ask("a", 4, 4), 0);
  assert.equal(heldBy(claim(held, ask("b", 4), 99), "b"), 0);
  assert.equal(heldBy(claim(held, ask("b", 4), 100), "b"), 4);
  assert.deepEqual(claim(held, ask("a", 0), 50), {});
});

test("whatever is asked for, together they hold no more than the limit", () => {
  const act = fc.record({
    instance: fc.constantFrom("a", "b", "c"),
    more: fc.nat(6),
    used: fc.nat(4),
    afterMs: fc.nat(30),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (todo) => {
      let now = 0;
      let permits: Permits | undefined;
      for (const { instance, more, used, afterMs } of todo) {
        now += afterMs;
        const mine = permits?.[instance];
        const held = mine && mine.until > now ? mine.holds : 0;
        const uses = Math.min(used, held); // nobody uses what it does not hold
        permits = claim(permits, ask(instance, uses + more, uses), now);
        const total = Object.values(permits)
          .filter(({ until }) => until > now)
          .reduce((sum, { holds }) => sum + holds, 0);
        assert.ok(total <= limit, `${total} held`);
      }
    }),
  );
});
