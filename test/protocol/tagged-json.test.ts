import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromTagged, toTagged } from "../../protocol/tagged-json.js";

const travelled = (value: unknown) =>
  fromTagged(JSON.parse(JSON.stringify(toTagged(value))));

const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.double().filter((n) => !Object.is(n, -0)),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }), // no two that are none are equal
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const key = fc.oneof(
  fc.string().filter((name) => name !== "__proto__"),
  fc.constantFrom("$date", "$bytes", "$object", "$", "a"),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value")),
    fc.dictionary(key, tie("value"), { noNullPrototype: true }),
  ),
}));

test("plain data comes back from JSON as it was, also what looks like a tag", () => {
  fc.assert(
    fc.property(value, (given) => assert.deepEqual(travelled(given), given)),
  );
});

test("a date that is none comes back as one that is none", () => {
  const date = travelled(new Date(Number.NaN));
  assert.ok(date instanceof Date);
  assert.ok(Number.isNaN(date.getTime()));
});

test("what is undefined is left out, and a tag that nobody knows is kept", () => {
  assert.deepEqual(travelled({ a: undefined, b: 1 }), { b: 1 });
  assert.deepEqual(fromTagged({ $other: { $number: "NaN" } }), {
    $other: Number.NaN,
  });
});
