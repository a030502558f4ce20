import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { contentTypes, type ContentType } from "../../protocol/headers.js";
import { jsonValue } from "../support/json-value.js";

const body = jsonValue.map((value) => ({ jsonrpc: "2.0", params: { value } }));
const formats: ContentType[] = ["msgpack", "json"];

for (const format of formats) {
  test(`whatever JSON can say comes back from ${format}`, () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const bytes = encodeBody(value, format);
        assert.deepEqual(decodeBody(bytes, contentTypes[format]), value);
      }),
    );
  });

  test(`an object in ${format} is read without a content type`, () => {
    fc.assert(
      fc.property(body, (value) => {
        assert.deepEqual(decodeBody(encodeBody(value, format)), value);
      }),
    );
  });

  test(`a field that is undefined is left out of ${format}, and not turned into null`, () => {
    const bytes = encodeBody({ a: undefined, b: [undefined], c: 1 }, format);
    assert.deepEqual(decodeBody(bytes, contentTypes[format]), {
      b: [null],
      c: 1,
    });
  });

  test(`what ${format} cannot carry is refused with a clear error`, () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const value of [{ circular }, { big: 2n ** 70n }])
      assert.throws(() => encodeBody(value, format), {
        code: "ARGUMENT_INVALID",
        message: new RegExp(`cannot be encoded as ${format}`),
      });
  });
}

test("the content type decides, in any case and with parameters", () => {
  const json = encodeBody({ a: 1 }, "json");
  for (const type of [
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/json ;x",
  ])
    assert.deepEqual(decodeBody(json, type), { a: 1 });
  const packed = encodeBody({ a: 1 });
  for (const type of ["application/msgpack", "application/x-msgpack"])
    assert.deepEqual(decodeBody(packed, type), { a: 1 });
});

test("JSON may begin with white space when nothing says that it is JSON", () => {
  for (const space of [" ", "\n", "\r\n", "\t"])
    assert.deepEqual(decodeBody(Buffer.from(`${space}{"a":1}`)), { a: 1 });
});

test("an unknown content type is refused with those that are known", () => {
  for (const type of ["text/plain", "application/xml", "", "json"])
    assert.throws(() => decodeBody(Buffer.from("{}"), type), {
      code: "MESSAGE_UNREADABLE",
      message: /"application\/msgpack" or "application\/json"/,
    });
});

test("bytes that are no message are refused with the first of them", () => {
  const garbage: [Uint8Array, string | undefined][] = [
    [Buffer.from("{nonsense"), undefined],
    [Buffer.from("{}"), contentTypes.msgpack],
    [Buffer.alloc(0), undefined],
    [Buffer.alloc(0), contentTypes.json],
    [Buffer.from([0xc1, 0xff, 0xff]), undefined],
    [Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), undefined],
  ];
  for (const [bytes, type] of garbage)
    assert.throws(() => decodeBody(bytes, type), {
      code: "MESSAGE_UNREADABLE",
      message: /^the body ".*" is no (json|msgpack)/,
    });
});

test("any bytes are read or refused as unreadable, never otherwise", () => {
  const type = fc.constantFrom(undefined, ...Object.values(contentTypes));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), type, (bytes, said) => {
      try {
        decodeBody(bytes, said);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "MESSAGE_UNREADABLE");
      }
    }),
    { numRuns: 2000 },
  );
});
