import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogicalClock } from "../../../bus/connection/logical-clock.js";
import { draw, type TokenBucket } from "../../../bus/buckets/token-bucket.js";

const rules = { everyMs: 10, capacity: 5 };

test("a bucket that nobody knows is full, and gains a token in each interval", () => {
  const first = draw(undefined, rules, 1_000, 8);
  assert.equal(first.drawn, 5);
  assert.equal(first.nextAt, 1_010);
  assert.equal(draw(first.bucket, rules, 1_009, 1).drawn, 0);
  assert.equal(draw(first.bucket, rules, 1_010, 3).drawn, 1);
  assert.equal(draw(first.bucket, rules, 1_035, 9).drawn, 3);
  assert.equal(draw(first.bucket, rules, 99_000, 9).drawn, 5);
});

test("what is drawn is no more than was wanted", () => {
  assert.equal(draw(undefined, rules, 0, 2).drawn, 2);
  assert.equal(draw(undefined, rules, 0, 0).drawn, 0);
});

test("smaller rules do not shut a bucket for longer than it takes to fill", () => {
  const { bucket } = draw(undefined, { everyMs: 1_000, capacity: 50 }, 0, 50);
  assert.equal(draw(bucket, rules, 50, 5).drawn, 0);
  const later = draw(bucket, rules, 50, 5).bucket;
  assert.equal(draw(later, rules, 100, 5).drawn, 5);
});

interface Act {
  instance: number;
  afterMs: number;
  wanted: number;
}

const acts = fc.array(
  fc.record({
    instance: fc.nat(3),
    afterMs: fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 40, noNaN: true }),
    ),
    wanted: fc.integer({ min: 0, max: 12 }),
  }),
  { maxLength: 120 },
);
const anyRules = fc.record({
  everyMs: fc.double({ min: 0.05, max: 200, noNaN: true }),
  capacity: fc.double({ min: 1, max: 40, noNaN: true }),
});

/** Instances whose clocks are ahead by so much draw in turn, each from what is stored. */
function simulate(
  todo: readonly Act[],
  { everyMs, capacity }: typeof rules,
  skews: readonly number[],
): { at: number; drawn: number }[] {
  let time = 1_000_000;
  const clocks = skews.map(
    (skew) => new LogicalClock({ now: () => time + skew }),
  );
  let bucket: TokenBucket | undefined;
  return todo.map(({ instance, afterMs, wanted }) => {
    time += afterMs;
    const clock = clocks[instance]!;
    if (bucket) clock.advanceTo(bucket.at);
    const result = draw(bucket, { everyMs, capacity }, clock.now(), wanted);
    if (result.drawn > 0) ({ bucket } = result);
    return { at: time, drawn: result.drawn };
  });
}

function mostWithin(
  draws: readonly { at: number; drawn: number }[],
  allowed: (ms: number) => number,
): void {
  for (let from = 0; from < draws.length; from++) {
    let sum = 0;
    for (let to = from; to < draws.length; to++) {
      sum += draws[to]!.drawn;
      const ms = draws[to]!.at - draws[from]!.at;
      assert.ok(sum <= allowed(ms) + 1e-6, `${sum} in ${ms} ms`);
    }
  }
}

test("over any span no more is drawn than the rate gives and the bucket holds, whoever draws", () => {
  fc.assert(
    fc.property(acts, anyRules, (todo, any) => {
      const draws = simulate(todo, any, [0, 0, 0, 0]);
      mostWithin(draws, (ms) => ms / any.everyMs + any.capacity);
    }),
  );
});

test("clocks that differ, or are set while it runs, open the tap for one bucket more and never shut it", () => {
  const skew = fc.integer({ min: -3_600_000, max: 3_600_000 });
  fc.assert(
    fc.property(
      acts,
      anyRules,
      fc.tuple(skew, skew, skew, skew),
      (todo, any, skews) => {
        const draws = simulate(todo, any, skews);
        mostWithin(draws, (ms) => ms / any.everyMs + 4 * any.capacity);
        // Whoever looks, and again when the bucket must be full, gets a token.
        const fullMs = any.everyMs * any.capacity + 1;
        for (const instance of [0, 1, 2, 3]) {
          const looks = [0, fullMs, fullMs].map((afterMs) => ({
            instance,
            afterMs,
            wanted: 1,
          }));
          const last = simulate([...todo, ...looks], any, skews).at(-1)!;
          assert.equal(last.drawn, 1);
        }
      },
    ),
  );
});

test("who wants tokens all the time gets all that the rate gives", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (stepMs) => {
      const todo = Array.from({ length: 200 }, (_, at) => ({
        instance: at % 4,
        afterMs: stepMs,
        wanted: 100,
      }));
      const draws = simulate(todo, rules, [0, 0, 0, 0]);
      const total = draws.reduce((sum, { drawn }) => sum + drawn, 0);
      assert.ok(total >= Math.floor((199 * stepMs) / rules.everyMs));
    }),
  );
});
