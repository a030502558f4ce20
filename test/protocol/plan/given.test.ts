import assert from "node:assert/strict";
import { test } from "node:test";
import { checkParams, checkPlanInput } from "../../../protocol/plan/given.js";
import type { Plan } from "../../../protocol/plan/plan.js";

const steps: Plan["steps"] = [{ name: "a", value: 1 }];

test("a schema holds, also where its author left out what goes without saying", async () => {
  const refused: [Record<string, unknown>, unknown][] = [
    [{ type: "object", required: ["a"] }, {}],
    [{ required: ["a"] }, {}],
    [{ properties: { a: { type: "string" } } }, { a: 1 }],
    [{ properties: { a: { required: ["b"] } } }, { a: {} }],
    [{ type: "array", items: { required: ["b"] } }, [{}]],
    [{ anyOf: [{ required: ["a"] }, { required: ["b"] }] }, { c: 1 }],
    [{ enum: ["a", "b"] }, "c"],
  ];
  for (const [input, value] of refused)
    await assert.rejects(
      checkPlanInput({ steps, input }, value),
      { code: "INPUT_INVALID" },
      JSON.stringify(input),
    );
  const taken: [Record<string, unknown>, unknown][] = [
    [{ required: ["a"] }, { a: null }],
    [
      { properties: { type: { type: "string" }, required: { type: "array" } } },
      { type: "x", required: [] },
    ],
    [{}, 5],
  ];
  for (const [input, value] of taken)
    assert.equal(await checkPlanInput({ steps, input }, value), value);
});

test("parameters that are not given have their defaults, and what is given is kept as it is", async () => {
  const params = {
    a: { default: 1 },
    b: { schema: { type: "array", items: { type: "number" } } },
  };
  assert.deepEqual(await checkParams({ steps, params }, { b: [2] }), {
    a: 1,
    b: [2],
  });
  await assert.rejects(checkParams({ steps, params }, { b: ["x"] }), {
    code: "INPUT_INVALID",
    message: /parameter "b" .*\[0\]/,
  });
  await assert.rejects(checkParams({ steps, params }, { b: [], aa: 1 }), {
    message: /no parameter "aa": did you mean "a"\?/,
  });
});
