import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeHeaders,
  encodeHeaders,
  headerNames,
  type HeaderName,
  type Headers,
} from "../../protocol/headers.js";

const names = Object.keys(headerNames) as HeaderName[];
const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc
    .array(
      fc.constantFrom("\r", "\n", "%", "%0a", "%ZZ", ":", " ", "ä", "🦊", "x"),
    )
    .map((parts) => parts.join("")),
);

const onTheWire = (headers: Headers): string =>
  Buffer.from(encodeHeaders(headers)).toString("latin1");

test("any value comes back as it was", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), value, {
        noNullPrototype: true,
      }),
      (headers) => {
        assert.deepEqual(decodeHeaders(onTheWire(headers as Headers)), headers);
      },
    ),
    { numRuns: 500 },
  );
});

test("no value can end its line and so inject a header", () => {
  fc.assert(
    fc.property(value, (text) => {
      const block = onTheWire({ context: text, key: "k" });
      assert.equal(block.split(/\r\n|\r|\n/).length, 5, block);
      assert.match(block, /^NATS\/1\.0\r\n[\x20-\x7e\r\n]*\r\n\r\n$/);
    }),
  );
  const attack = "x\r\nNats-Rollup: all\r\nTroupe-Key: stolen";
  const headers = decodeHeaders(onTheWire({ context: attack }));
  assert.deepEqual(headers, { context: attack });
});

test("half a character is replaced, for a header that cannot be written would hold up its task for ever", () => {
  const headers = decodeHeaders(onTheWire({ error: "cut \ud83e" }));
  assert.equal(headers.error, "cut \ufffd");
});

test("what is undefined is left out", () => {
  assert.equal(onTheWire({ key: undefined }), "NATS/1.0\r\n\r\n");
});

test("plain values stay readable for people and bare clients", () => {
  assert.equal(
    onTheWire({ contentType: "application/json", sender: "me & you: 7" }),
    "NATS/1.0\r\nContent-Type: application/json\r\nTroupe-Sender: me & you: 7\r\n\r\n",
  );
});

test("a bare client may write names in any case, and other headers beside them", () => {
  assert.deepEqual(
    decodeHeaders(
      "NATS/1.0\r\nCONTENT-TYPE:application/json\r\nX-Other: 1\r\ntroupe-key:  k \r\nno colon\r\n\r\n",
    ),
    { contentType: "application/json", key: "k" },
  );
});

test("a bare client's own percent sign is left alone", () => {
  assert.deepEqual(decodeHeaders("NATS/1.0\r\nTroupe-Key: 100%\r\n\r\n"), {
    key: "100%",
  });
});

test("whatever bytes stand in a header block, reading it does not throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (block) => {
      decodeHeaders(block);
      decodeHeaders(`NATS/1.0\r\n${block}`);
    }),
  );
});
