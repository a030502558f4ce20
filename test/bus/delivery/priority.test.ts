import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CreditSplitter } from "../../../bus/delivery/priority.js";
import { levels, levelWeights } from "../../../protocol/levels.js";

const weights = levels.map((level) => levelWeights[level]);
const sum = (numbers: readonly number[]): number =>
  numbers.reduce((a, b) => a + b, 0);
const endless = weights.map(() => Number.POSITIVE_INFINITY);
const frees = fc.array(fc.integer({ min: 1, max: 40 }), {
  minLength: 1,
  maxLength: 60,
});
const wants = fc.array(fc.nat(12), {
  minLength: weights.length,
  maxLength: weights.length,
});

test("with a backlog on all levels they share 8:4:2:1, however many slots come free at a time", () => {
  fc.assert(
    fc.property(frees, (rounds) => {
      const splitter = new CreditSplitter(weights);
      const given = weights.map(() => 0);
      for (const free of rounds)
        for (const [level, count] of splitter.split(free, endless).entries())
          given[level]! += count;
      const total = sum(rounds);
      for (const [level, weight] of weights.entries()) {
        const fair = (total * weight) / sum(weights);
        assert.ok(
          Math.abs(given[level]! - fair) < weights.length,
          `level ${level} got ${given[level]} of ${total}, fair is ${fair}`,
        );
      }
    }),
  );
});

test("all slots are given while any level wants them, and none gets more than it wants", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), wants)), (rounds) => {
      const splitter = new CreditSplitter(weights);
      for (const [free, wanted] of rounds) {
        const given = splitter.split(free, wanted);
        assert.equal(sum(given), Math.min(free, sum(wanted)));
        for (const [level, count] of given.entries())
          assert.ok(count >= 0 && count <= wanted[level]!);
      }
    }),
  );
});

test("no level that wants something waits for more than a round of the weights, whatever the others want", () => {
  const other = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20));
  fc.assert(
    fc.property(
      fc.array(other, { minLength: 60, maxLength: 60 }),
      fc.nat(weights.length - 1),
      (rounds, starved) => {
        const splitter = new CreditSplitter(weights);
        let since = 0;
        for (const others of rounds) {
          const wanted: number[] = [...others];
          wanted.splice(starved, 0, 1);
          since = splitter.split(1, wanted)[starved] === 1 ? 0 : since + 1;
          assert.ok(since <= 2 * sum(weights), `waited ${since} slots`);
        }
      },
    ),
  );
});

test("a level that was idle saves nothing up for later", () => {
  const splitter = new CreditSplitter(weights);
  for (let round = 0; round < 1_000; round++)
    splitter.split(1, [0, 0, 0, Number.POSITIVE_INFINITY]);
  const given = weights.map(() => 0);
  for (let round = 0; round < 15; round++) {
    const level = splitter.split(1, endless).indexOf(1);
    given[level]!++;
  }
  assert.deepEqual(given, weights);
});
