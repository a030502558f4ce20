import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { batchOf, parseBatch } from "../../protocol/batch.js";
import { encodeBody } from "../../protocol/codec.js";
import { contentTypes } from "../../protocol/headers.js";
import { jsonValue } from "../support/json-value.js";

for (const format of ["msgpack", "json"] as const)
  test(`messages in ${format} come out of a batch as they went in, however many they are`, () => {
    const messages = fc.array(
      fc.record(
        { id: fc.string(), result: jsonValue },
        { noNullPrototype: true },
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(messages, (all) => {
        const bodies = all.map((message) => encodeBody(message, format));
        const batch = batchOf(bodies, format);
        assert.deepEqual(parseBatch(batch, contentTypes[format]), all);
      }),
    );
  });

test("what has no id is left out, and what is no array is refused", () => {
  const batch = Buffer.from('[1, null, {"id": 5}, {"id": "a"}]');
  assert.deepEqual(parseBatch(batch, contentTypes.json), [{ id: "a" }]);
  assert.throws(() => parseBatch(Buffer.from("{}"), contentTypes.json), {
    code: "MESSAGE_UNREADABLE",
  });
});
