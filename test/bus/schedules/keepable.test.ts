import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkKeepable } from "../../../bus/schedules/keepable.js";

test("what is JSON may be kept, and fields that are undefined are left out", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      checkKeepable(value);
      checkKeepable({ value, nothing: undefined });
    }),
  );
  checkKeepable(undefined);
  checkKeepable(Object.assign(Object.create(null), { a: 1 }));
});

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;
const hole: unknown[] = [];
hole[1] = 1;

const refused: [string, unknown, RegExp][] = [
  ["bytes", { a: [1, new Uint8Array(1)] }, /^the input\.a\[1\] .*a Uint8Array/],
  ["a date", new Date(), /^the input of .*a Date/],
  ["a map", { m: new Map() }, /the input\.m .*a Map/],
  ["what is no number", [Number.NaN], /the input\[0\] .*it is NaN/],
  ["a function", { f: () => 1 }, /the input\.f .*function/],
  ["a large integer", 1n, /serialize a BigInt/],
  ["what holds itself", cycle, /circular/],
  ["undefined in a list", [undefined], /the input\[0\] .*undefined/],
  ["a hole in a list", hole, /the input\[0\]/],
];
for (const [what, input, message] of refused)
  test(`${what} would come out as something else, and is refused`, () => {
    const wrong = { code: "ARGUMENT_INVALID", message };
    assert.throws(() => checkKeepable(input), wrong);
  });
