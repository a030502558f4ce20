import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  callToolResult,
  outputOf,
  requestOf,
  toCallToolResult,
} from "../../protocol/mcp.js";
import { jsonValue } from "../support/json-value.js";

test("any output comes back from a tool's result, and the request beside it", () => {
  fc.assert(
    fc.property(jsonValue, jsonValue, (output, request) => {
      const there = callToolResult.parse(toCallToolResult(output, request));
      assert.deepEqual(outputOf(there), output);
      assert.deepEqual(requestOf(there), request);
    }),
  );
});

test("a tool's structured content is an object, as MCP wants it, whatever the output", () => {
  fc.assert(
    fc.property(jsonValue, (output) => {
      const { structuredContent } = toCallToolResult(output);
      assert.equal(typeof structuredContent, "object");
      assert.ok(
        structuredContent !== null && !Array.isArray(structuredContent),
      );
    }),
  );
});

test("an object that looks like a wrapped output is not taken for one", () => {
  const output = { value: 1, "troupe/wrapped": true };
  assert.deepEqual(outputOf(toCallToolResult(output)), output);
});

test("a result of another program is read by its structured content, else by its content", () => {
  const content = [{ type: "text", text: "hello" }];
  assert.deepEqual(outputOf(callToolResult.parse({ content })), content);
  assert.deepEqual(
    outputOf(callToolResult.parse({ content, structuredContent: { a: 1 } })),
    { a: 1 },
  );
  assert.equal(requestOf(callToolResult.parse({ content })), undefined);
});
