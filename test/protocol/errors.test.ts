import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import {
  errorTable,
  isErrorCode,
  messageOf,
  refuse,
  reject,
  toTroupeError,
  TroupeError,
  type ErrorCode,
} from "../../protocol/errors.js";
import { fromRpcError, rpcError, toRpcError } from "../../protocol/rpc.js";

const codes = Object.keys(errorTable) as ErrorCode[];
/** As it is after its way over the wire. */
const overTheWire = (error: TroupeError): TroupeError =>
  fromRpcError(rpcError.parse(JSON.parse(JSON.stringify(toRpcError(error)))));

test("every code says whether trying again may help, and what to do", () => {
  for (const code of codes) {
    const error = new TroupeError(code, "x");
    assert.equal(error.retryable, errorTable[code].retryable, code);
    assert.match(errorTable[code].advice, /^[A-Z].*\.$/, code);
    assert.ok(isErrorCode(code));
  }
  assert.equal(isErrorCode("toString"), false);
  assert.equal(isErrorCode(undefined), false);
});

test("an error travels with its code, message, data, cause and whether to try again", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...codes),
      fc.string({ unit: "grapheme", maxLength: 100 }),
      fc.boolean(),
      (code, message, retryable) => {
        const data = { issues: [{ path: "a[2].b", message: "no" }] };
        const cause = new Error("why");
        const there = overTheWire(
          new TroupeError(code, message, { data, cause, retryable }),
        );
        assert.ok(there instanceof TroupeError);
        assert.deepEqual(
          [there.code, there.message, there.retryable, there.data],
          [code, message, retryable, data],
        );
        assert.equal((there.cause as Error).message, "why");
      },
    ),
  );
});

test("no stack travels", () => {
  const error = new TroupeError("HANDLER_FAILED", "m", {
    cause: new Error("c"),
  });
  assert.doesNotMatch(JSON.stringify(toRpcError(error)), /errors\.test/);
});

test("an error that another program wrote is read as a failed handler", () => {
  for (const data of [undefined, null, "x", 5, [], { code: "NOBODY_KNOWS" }]) {
    const error = fromRpcError({ code: -32603, message: "boom", data });
    assert.equal(error.code, "HANDLER_FAILED");
    assert.equal(error.message, "boom");
  }
});

test("an error fits into a message however much it has to say", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const huge = "🦊".repeat(2_000_000);
  for (const data of [{ huge }, circular, { big: 5n }]) {
    const error = new TroupeError("HANDLER_FAILED", huge, {
      data,
      cause: new Error(huge),
    });
    const text = JSON.stringify(toRpcError(error));
    assert.ok(text.length < 100_000, `${text.length} characters`);
    assert.match(fromRpcError(toRpcError(error)).message, /^🦊+… \(cut/u);
  }
});

test("whatever an error's data is, it is the same in either format, and again when it is read", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const odd: [unknown, unknown][] = [
    [{ a: 1, f: () => 1, s: Symbol("s"), u: undefined }, { a: 1 }],
    [{ list: [1, undefined, () => 1, -0] }, { list: [1, null, null, 0] }],
    [{ big: 2n ** 70n }, { big: "1180591620717411303424" }],
    [{ at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
    [{ map: new Map([[1, 2]]) }, { map: {} }],
    [{ half: "\ud83d" }, { half: "\ufffd".repeat(3) }],
    [{ circle }, undefined],
    [{ toJSON: () => "text" }, undefined],
    ["text", undefined],
    [() => 1, undefined],
  ];
  for (const [given, travels] of odd) {
    const data = given as Record<string, unknown>;
    const said = toRpcError(new TroupeError("HANDLER_REFUSED", "m", { data }));
    for (const format of ["json", "msgpack"] as const) {
      const read = rpcError.parse(decodeBody(encodeBody(said, format)));
      assert.deepStrictEqual(read, said);
      assert.deepStrictEqual(fromRpcError(read).data, travels);
    }
  }
});

test("half a character in what an error says is none when it travels", () => {
  const { message } = toRpcError(new TroupeError("TIMED_OUT", "hi \ud83d"));
  assert.equal(message, "hi \ufffd");
});

test("anything that can be thrown has a message", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const thrown: [unknown, RegExp][] = [
    [new Error("boom"), /^boom$/],
    [new RangeError(""), /^RangeError$/],
    ["just text", /^just text$/],
    [undefined, /undefined/],
    [null, /null/],
    [{ a: 1 }, /object \{"a":1\}/],
    [5n, /bigint/],
    [Symbol("s"), /symbol/],
    [circular, /object/],
    [() => 1, /function/],
  ];
  for (const [value, says] of thrown) assert.match(messageOf(value), says);
});

test("refuse and reject are final", () => {
  assert.deepEqual(
    [refuse("no").code, refuse("no").retryable],
    ["HANDLER_REFUSED", false],
  );
  assert.deepEqual(
    [reject("no").code, reject("no").retryable],
    ["TASK_REJECTED", false],
  );
});

test("what a handler throws may go away by itself, unless it says that it will not", () => {
  const own = new TroupeError("TIMED_OUT", "too slow");
  assert.equal(toTroupeError(own), own);
  const thrown = new Error("boom");
  const failed = toTroupeError(thrown);
  assert.equal(failed.code, "HANDLER_FAILED");
  assert.equal(failed.message, "boom");
  assert.equal(failed.cause, thrown);
  assert.equal(failed.retryable, true);
  const final = Object.assign(new Error("no"), { retryable: false });
  assert.equal(toTroupeError(final).retryable, false);
  const unclear = Object.assign(new Error("no"), { retryable: "no" });
  assert.equal(toTroupeError(unclear).retryable, true);
  assert.equal(toTroupeError(undefined).retryable, true);
});
