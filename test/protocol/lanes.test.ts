import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  assign,
  laneOf,
  laneSetting,
  lanesOf,
  rolledBack,
  withWeights,
  type LaneSetting,
  type Split,
  type Weights,
} from "../../protocol/lanes.js";
import { newId } from "../../protocol/ids.js";
import { defaultLane, partitionCount } from "../../protocol/subjects.js";

const none: LaneSetting = { earlier: [] };

const splitOf = (weights: Weights, before = none): Split => {
  const { split } = withWeights(before, weights);
  assert.ok(split);
  return split;
};

const countOf = (lanes: readonly string[], lane: string) =>
  lanes.filter((one) => one === lane).length;

const anyWeights = fc
  .dictionary(
    fc.constantFrom("main", "canary", "blue", "green"),
    fc.double({ min: 0, max: 1_000, noNaN: true }),
    { minKeys: 1 },
  )
  .filter((weights) => lanesOf(weights).length > 0);

const notOnlyMain = anyWeights.filter((weights) =>
  lanesOf(weights).some((lane) => lane !== defaultLane),
);

describe("a split", () => {
  test("tasks without key and context go by weight", () => {
    const split = splitOf({ main: 90, canary: 10 });
    const lanes = Array.from({ length: 20_000 }, () =>
      laneOf(split, { taskId: newId() }),
    );
    const share = countOf(lanes, "canary") / lanes.length;
    assert.ok(Math.abs(share - 0.1) < 0.01, `canary got ${share}`);
  });

  test("ids that one counts up are shared out as well", () => {
    const split = splitOf({ main: 3, canary: 1 });
    const lanes = Array.from({ length: 4_000 }, (_, n) =>
      laneOf(split, { taskId: `order-${n}` }),
    );
    const share = countOf(lanes, "canary") / lanes.length;
    assert.ok(Math.abs(share - 0.25) < 0.03, `canary got ${share}`);
  });

  test("a key and a context of the same name meet the same lane, whatever the task's id", () =>
    fc.assert(
      fc.property(
        notOnlyMain,
        fc.string({ minLength: 1, unit: "grapheme" }),
        (weights, name) => {
          const split = splitOf(weights);
          const byKey = laneOf(split, { taskId: newId(), key: name });
          const byContext = laneOf(split, { taskId: newId(), context: name });
          assert.equal(byKey, byContext);
          const both = { taskId: newId(), key: name, context: "another" };
          assert.equal(laneOf(split, both), byKey);
        },
      ),
    ));

  test("every task goes to a lane that has a weight", () =>
    fc.assert(
      fc.property(notOnlyMain, fc.string(), (weights, taskId) => {
        const lane = laneOf(splitOf(weights), { taskId });
        assert.ok(weights[lane]! > 0, lane);
      }),
    ));

  test("each lane has its part of the partitions, to the next whole one, and at least one", () =>
    fc.assert(
      fc.property(anyWeights, (weights) => {
        const lanes = lanesOf(weights);
        const partitions = assign(undefined, weights);
        assert.equal(partitions.length, partitionCount);
        const total = lanes.reduce((sum, lane) => sum + weights[lane]!, 0);
        for (const lane of lanes) {
          const exact = (weights[lane]! / total) * partitionCount;
          const has = countOf(partitions, lane);
          assert.ok(has >= 1, lane);
          // Where lanes with next to nothing get one, the others give it.
          assert.ok(Math.abs(has - exact) < lanes.length, `${has} ${exact}`);
        }
        assert.ok(partitions.every((lane) => lanes.includes(lane)));
      }),
    ));

  test("no more partitions move than the new shares ask for", () =>
    fc.assert(
      fc.property(anyWeights, anyWeights, (first, second) => {
        const before = assign(undefined, first);
        const after = assign(before, second);
        const moved = after.filter((lane, at) => lane !== before[at]).length;
        const gained = [...new Set(after)]
          .map((lane) => countOf(after, lane) - countOf(before, lane))
          .filter((more) => more > 0)
          .reduce((sum, more) => sum + more, 0);
        assert.equal(moved, gained);
      }),
    ));

  test("a context stays in its lane while that lane only gains", () => {
    const small = withWeights(none, { main: 90, canary: 10 });
    const larger = splitOf({ main: 50, canary: 50 }, small);
    for (let n = 0; n < 500; n++) {
      const choice = { taskId: "t", context: `context-${n}` };
      if (laneOf(small.split!, choice) === "canary")
        assert.equal(laneOf(larger, choice), "canary");
    }
  });

  test("it survives the way through the settings", () => {
    const setting = withWeights(none, { main: 90, canary: 10 });
    assert.deepEqual(
      laneSetting.parse(JSON.parse(JSON.stringify(setting))),
      setting,
    );
  });
});

describe("changes of a split", () => {
  test("a rollback goes back step by step, and partitions with it", () => {
    const first = withWeights(none, { main: 90, canary: 10 });
    const second = withWeights(first, { canary: 1 });
    assert.deepEqual(second.split?.weights, { canary: 1 });
    const back = rolledBack("writer", second);
    assert.deepEqual(back.split?.weights, { main: 90, canary: 10 });
    assert.equal(countOf(back.split.partitions, "canary"), 3);
    assert.equal(rolledBack("writer", back).split, undefined);
    assert.throws(() => rolledBack("writer", rolledBack("writer", back)), {
      code: "ARGUMENT_INVALID",
      message: /no earlier split/,
    });
  });

  test("all to main is no split", () => {
    const split = withWeights(none, { main: 90, canary: 10 });
    assert.equal(withWeights(split, { main: 1 }).split, undefined);
    assert.equal(withWeights(split, { main: 1, canary: 0 }).split, undefined);
  });

  test("the past is bounded", () => {
    let setting = none;
    for (let n = 1; n < 100; n++)
      setting = withWeights(setting, { main: n, canary: 1 });
    assert.equal(setting.earlier.length, 20);
    assert.deepEqual(setting.earlier[0], { main: 98, canary: 1 });
  });

  const wrong: [Weights, RegExp][] = [
    [{}, /needs 1 to 32 lanes/],
    [{ canary: 0 }, /needs 1 to 32 lanes/],
    [{ canary: -1 }, /weight -1 of lane "canary"/],
    [{ canary: Number.NaN }, /weight NaN of lane "canary"/],
    [{ canary: Number.POSITIVE_INFINITY }, /weight Infinity of lane/],
    [{ "": 1 }, /lane "" is empty/],
  ];
  for (const [weights, message] of wrong)
    test(`${JSON.stringify(weights)} is refused`, () =>
      assert.throws(() => withWeights(none, weights), {
        code: "ARGUMENT_INVALID",
        message,
      }));
});
