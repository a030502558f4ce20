import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { risksIn } from "../../protocol/json-schema-risk.js";

const mayTakeLong = (schema: unknown) => risksIn(schema).length > 0;

const withPattern = (pattern: string) => ({
  type: "object",
  properties: { text: { type: "string", pattern } },
});

for (const pattern of [
  "^[a-z0-9-]+$",
  "^\\d{4}-\\d{2}-\\d{2}$",
  "^SKU-[A-Z\\]]{3}\\.\\d*$",
])
  test(`a pattern such as ${pattern} is soon checked`, () =>
    assert.equal(mayTakeLong(withPattern(pattern)), false));

for (const pattern of [
  "^(a+)+$",
  "(x|x)*y",
  "^a*a*a*$",
  "^(a|a)(a|a)$",
  "^a{1,90}a{1,90}$",
  "a+$",
  "^a|b+$",
  `^${"a".repeat(300)}$`,
])
  test(`a pattern such as ${pattern.slice(0, 20)} may take long`, () =>
    assert.equal(mayTakeLong(withPattern(pattern)), true));

test("patterns are found wherever they stand, and so are references and names by pattern", () => {
  const evil = { type: "string", pattern: "(a+)+$" };
  for (const schema of [
    { items: { anyOf: [{ type: "number" }, evil] } },
    { $defs: { evil } },
    { patternProperties: { "(a+)+$": {} } },
    { $ref: "#/$defs/self" },
  ])
    assert.equal(mayTakeLong(schema), true, JSON.stringify(schema));
});

test("schemas without patterns are soon checked, however they name their fields", () => {
  const schema = z.object({
    pattern: z.string(),
    list: z.array(z.union([z.number(), z.object({ $of: z.literal("a") })])),
  });
  assert.equal(mayTakeLong(z.toJSONSchema(schema)), false);
  assert.equal(mayTakeLong("no schema"), false);
});

test("it is told where in the schema the trouble may come from", () => {
  const evil = { type: "string", pattern: "(a+)+$" };
  const schema = { items: { anyOf: [{ pattern: "^a$" }, evil] } };
  assert.deepEqual(risksIn(schema), ["items.anyOf[1].pattern"]);
  assert.deepEqual(risksIn({ properties: { $ref: evil } }), [
    "properties.$ref",
    "properties.$ref.pattern",
  ]);
});
