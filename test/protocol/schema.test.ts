import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { TroupeError } from "../../protocol/errors.js";
import { parseWith } from "../../protocol/schema.js";

const order = z.object({
  id: z.string(),
  items: z.array(z.object({ name: z.string(), count: z.number() })),
});

const refusal = (schema: z.ZodType, value: unknown): TroupeError => {
  try {
    void parseWith(schema, value, "INPUT_INVALID", "the input of shop.order");
  } catch (error) {
    assert.ok(error instanceof TroupeError);
    return error;
  }
  throw new assert.AssertionError({ message: "it was taken" });
};

test("what fits comes back as the schema makes it", async () => {
  const schema = z.object({
    at: z.coerce.number(),
    left: z.string().default("x"),
  });
  assert.deepEqual(
    await parseWith(schema, { at: "5" }, "INPUT_INVALID", "it"),
    {
      at: 5,
      left: "x",
    },
  );
});

test("each refused field is named by its path, in words and for programs", () => {
  const error = refusal(order, {
    items: [{ name: "a", count: 1 }, { count: "2" }],
  });
  assert.equal(error.code, "INPUT_INVALID");
  assert.match(
    error.message,
    /^the input of shop\.order does not fit its schema/,
  );
  for (const path of ["id", "items[1].name", "items[1].count"]) {
    assert.ok(error.message.includes(`${path}: `), error.message);
    const issues = error.data?.["issues"] as { path: string }[];
    assert.ok(issues.some((issue) => issue.path === path));
  }
});

test("a value that is refused as a whole needs no path", () => {
  assert.match(refusal(z.string(), 5).message, /schema: Invalid input/);
});

test("many refused fields are told by the first and how many more there are", () => {
  const items = Array.from({ length: 50_000 }, () => ({}));
  const error = refusal(order, { id: "x", items });
  assert.ok(error.message.length < 5_000, `${error.message.length} characters`);
  assert.match(error.message, /items\[0\]\.name: .*and \d+ more/);
  assert.ok(JSON.stringify(error.data).length < 10_000);
});

test("a schema that must wait is waited for", async () => {
  const free = z
    .string()
    .refine(async (name) => Promise.resolve(name !== "taken"), "is taken");
  const schema = z.object({ name: free });
  assert.deepEqual(
    await parseWith(schema, { name: "new" }, "INPUT_INVALID", "it"),
    { name: "new" },
  );
  await assert.rejects(
    async () => parseWith(schema, { name: "taken" }, "INPUT_INVALID", "it"),
    { code: "INPUT_INVALID", message: /name: is taken/ },
  );
});
