import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  countBallots,
  isCertain,
  type Ballot,
} from "../../../protocol/plan/ballots.js";
import type { Rule } from "../../../protocol/plan/step.js";

const ballot = (choice: unknown, weight = 1): Ballot => ({
  voter: "v",
  weight,
  ...(choice === undefined ? {} : { choice }),
});
const winner = (ballots: Ballot[], rule?: Rule) => {
  const { decided, choice } = countBallots(ballots, rule);
  return decided ? choice : "nobody";
};

test("a majority is more than half of all weights, those counted that gave no choice", () => {
  assert.equal(winner([ballot("a"), ballot("a"), ballot("b")]), "a");
  assert.equal(winner([ballot("a"), ballot("b")]), "nobody");
  assert.equal(winner([ballot("a"), ballot(undefined)]), "nobody");
  assert.equal(winner([ballot("a", 3), ballot("b"), ballot("b")]), "a");
});

test("a plurality is more than any other has", () => {
  assert.equal(
    winner(
      [
        ballot("a"),
        ballot("a"),
        ballot("b"),
        ballot("c"),
        ballot(undefined, 9),
      ],
      "plurality",
    ),
    "a",
  );
  assert.equal(winner([ballot("a"), ballot("b")], "plurality"), "nobody");
  assert.equal(winner([ballot(undefined)], "plurality"), "nobody");
});

test("at least k is k of the weights, and more than any other has", () => {
  assert.equal(
    winner([ballot("a"), ballot("a"), ballot("b")], { atLeast: 2 }),
    "a",
  );
  assert.equal(winner([ballot("a"), ballot("b")], { atLeast: 1 }), "nobody");
  assert.equal(
    winner(
      [0.1, 0.2, 0.3, 0.1].map((weight) => ballot("a", weight)),
      { atLeast: 0.7 },
    ),
    "a",
  );
});

test("choices that are equal as data are one, and what looks alike is not", () => {
  assert.deepEqual(
    winner([ballot({ x: [1] }), ballot({ x: [1] }), ballot({ x: ["1"] })]),
    { x: [1] },
  );
  assert.equal(winner([ballot(0), ballot("0"), ballot(false)]), "nobody");
});

test("who wins does not depend on the order of the ballots, and has what the rule asks", () => {
  const ballots = fc.array(
    fc.record({
      choice: fc.constantFrom("a", "b", "c", undefined),
      weight: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 9 },
  );
  const rule = fc.oneof(
    fc.constantFrom<Rule>("majority", "plurality"),
    fc.record({ atLeast: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(
    fc.property(ballots, rule, (given, by) => {
      const all = given.map(({ choice, weight }) => ballot(choice, weight));
      const { decided, choice, weight, total } = countBallots(all, by);
      assert.equal(winner(all.toReversed(), by), decided ? choice : "nobody");
      const weightOf = (of: unknown) =>
        all
          .filter((each) => each.choice === of)
          .reduce((sum, each) => sum + each.weight, 0);
      assert.equal(
        total,
        all.reduce((sum, each) => sum + each.weight, 0),
      );
      const others = ["a", "b", "c"].filter((each) => each !== choice);
      const needed =
        by === "majority"
          ? total / 2 + 0.5
          : by === "plurality"
            ? 1
            : by.atLeast;
      const best = Math.max(...["a", "b", "c"].map(weightOf));
      const isTied =
        ["a", "b", "c"].filter((each) => weightOf(each) === best).length > 1;
      assert.equal(decided, best >= needed && !isTied);
      if (!decided) return;
      assert.equal(weight, weightOf(choice));
      for (const other of others) assert.ok(weightOf(other) < weight);
    }),
  );
});

test("what is certain before all have voted stays so, whatever the others say", () => {
  const choices = fc.constantFrom("a", "b", "c", undefined);
  const weights = fc.constantFrom(1, 2, 0.1, 0.5);
  const cast = fc
    .tuple(choices, weights)
    .map(([choice, weight]) => ballot(choice, weight));
  const rules = fc.oneof(
    fc.constantFrom<Rule>("majority", "plurality"),
    fc.integer({ min: 1, max: 6 }).map((atLeast): Rule => ({ atLeast })),
  );
  const ballots = fc.array(cast, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      ballots,
      fc.nat(5),
      fc.array(choices),
      rules,
      (all, n, more, rule) => {
        const given = all.slice(0, n);
        const missing = all.slice(n);
        if (!isCertain(given, missing, rule)) return missing.length > 0;
        const others = missing.map(({ weight }, at) =>
          ballot(more[at % (more.length || 1)], weight),
        );
        const outcome = (rest: Ballot[]) => winner([...given, ...rest], rule);
        return outcome(missing) === outcome(others);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("it is certain as soon as it can be", () => {
  const say = (text: string) => text.split("").map((choice) => ballot(choice));
  const isSo = (given: string, missing: number, rule?: Rule) =>
    isCertain(say(given), say("x".repeat(missing)), rule);
  assert.ok(isSo("aa", 1));
  assert.ok(!isSo("a", 2));
  assert.ok(!isSo("ab", 1));
  assert.ok(isSo("ab", 0));
  assert.ok(isSo("abc", 1)); // two of four are no majority
  assert.ok(isSo("aa", 1, "plurality"));
  assert.ok(!isSo("aa", 2, "plurality"));
  assert.ok(isSo("aab", 0, "plurality"));
  assert.ok(isSo("aaa", 2, { atLeast: 3 }));
  assert.ok(!isSo("aa", 3, { atLeast: 2 })); // three others may agree on something else
  assert.ok(isSo("ab", 1, { atLeast: 3 }));
});

test("how large the weights are changes nothing", () => {
  for (const unit of [1e-6, 1, 1e6]) {
    const say = (choice: string, weight: number) =>
      ballot(choice, weight * unit);
    const most = [say("a", 0.3), say("b", 0.1), say("b", 0.2)];
    assert.equal(winner(most, "plurality"), "nobody", `${unit}`);
    assert.equal(
      winner([...most, say("a", 0.01)], "plurality"),
      "a",
      `${unit}`,
    );
    assert.equal(winner([say("a", 0.5), say("b", 0.5)]), "nobody", `${unit}`);
    const two = [say("a", 0.7), say("a", 0.1), say("b", 0.1)];
    assert.equal(winner(two, { atLeast: 0.8 * unit }), "a", `${unit}`);
    assert.equal(winner(two, { atLeast: 0.81 * unit }), "nobody", `${unit}`);
  }
});
