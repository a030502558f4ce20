import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { toZod } from "../../protocol/json-schema.js";

type Schema = Record<string, unknown>;

const fits = (schema: Schema, value: unknown): boolean =>
  toZod(schema).safeParse(value).success;

test("what is required holds, described or not, at any depth", () => {
  const cases: [schema: Schema, refused: unknown, taken: unknown][] = [
    [{ type: "object", required: ["a"] }, {}, { a: null }],
    [{ required: ["a"] }, {}, { a: 1 }],
    [{ type: ["object", "null"], required: ["a"] }, {}, null],
    [{ items: { required: ["a"] }, type: "array" }, [{}], [{ a: 1 }]],
    [
      { allOf: [{ required: ["a"] }, { required: ["b"] }] },
      { a: 1 },
      { a: 1, b: 2 },
    ],
    [{ anyOf: [{ required: ["a"] }, { required: ["b"] }] }, {}, { b: 1 }],
    [
      {
        $defs: { x: { required: ["a"] } },
        properties: { x: { $ref: "#/$defs/x" } },
      },
      { x: {} },
      { x: { a: 1 } },
    ],
    [
      {
        type: "object",
        required: ["a"],
        additionalProperties: { type: "number" },
      },
      { a: "1" },
      { a: 1 },
    ],
  ];
  for (const [schema, refused, taken] of cases) {
    assert.equal(fits(schema, refused), false, JSON.stringify(schema));
    assert.equal(fits(schema, taken), true, JSON.stringify(schema));
  }
});

test("what zod says of a schema of its own is checked as zod does", () => {
  const schemas = [
    z.object({ a: z.string(), b: z.number().optional() }),
    z.object({ a: z.unknown(), b: z.string().default("x") }),
    z.record(z.enum(["a", "b"]), z.number()),
    z.record(z.string(), z.number()),
    z.looseObject({ a: z.object({ b: z.array(z.string()) }).nullable() }),
    z.union([z.object({ a: z.string() }), z.object({ b: z.number() })]),
    z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
  ];
  const values = [
    {},
    { a: "x" },
    { a: 1 },
    { b: 1 },
    { a: "x", b: 1 },
    { a: 1, b: 2 },
    { a: null },
    { a: { b: ["x"] } },
    [],
    "x",
  ];
  for (const schema of schemas) {
    const json = z.toJSONSchema(schema, { io: "input" }) as Schema;
    for (const value of values)
      assert.equal(
        fits(json, value),
        schema.safeParse(value).success,
        `${JSON.stringify(json)} of ${JSON.stringify(value)}`,
      );
  }
});
