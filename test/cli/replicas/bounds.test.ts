import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import {
  quotaOf,
  toBounds,
  usableCores,
} from "../../../cli/replicas/bounds.js";

describe("--replicas", () => {
  const good: [string, number, number][] = [
    ["4", 4, 4],
    ["1..8", 1, 8],
    ["3..3", 3, 3],
    ["auto", 6, 6],
    ["2..auto", 2, 6],
    ["auto..12", 6, 12],
  ];
  for (const [text, least, most] of good)
    test(`"${text}" on six cores is ${least} to ${most}`, () =>
      assert.deepEqual(toBounds(text, 6), { least, most }));

  for (const text of ["", "0", "-1", "1.5", "many", "1..2..3", "..", "257"])
    test(`"${text}" is refused with what to write instead`, () =>
      assert.throws(() => toBounds(text, 6), {
        code: "ARGUMENT_INVALID",
        message: /write a number such as 4, bounds such as 1\.\.8, or auto/,
      }));

  test("bounds the wrong way round are refused with the right way", () =>
    assert.throws(() => toBounds("8..2", 6), { message: /write 2\.\.8/ }));

  test("auto is no more cores than there are", () => {
    const { least } = toBounds("auto");
    assert.equal(least, usableCores());
    assert.ok(least >= 1 && least <= availableParallelism());
  });

  test("a control group's quota counts, and none is no limit", () => {
    assert.equal(quotaOf("200000 100000\n"), 2);
    assert.equal(quotaOf("150000 100000"), 2);
    assert.equal(quotaOf("50000 100000"), 1);
    for (const none of ["max 100000\n", "", "nonsense"])
      assert.equal(quotaOf(none), Number.POSITIVE_INFINITY);
  });
});
