import assert from "node:assert/strict";
import { test } from "node:test";
import type { TroupeError } from "../../../protocol/errors.js";
import { checkPlan } from "../../../protocol/plan/check.js";
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

const hostile = `${"a".repeat(45)}!`; // years
const slow = { type: "string", pattern: "^(a+)+$" };

/** Rejected within a moment, with where the pattern stands. */
async function soonRejected(checked: Promise<unknown>, path: string) {
  const began = performance.now();
  await assert.rejects(checked, (error: TroupeError) => {
    assert.equal(error.code, "PLAN_INVALID");
    assert.ok(error.message.includes(`${path} takes too long`), error.message);
    const { problems } = error.data as { problems: { path: string }[] };
    assert.equal(problems[0]!.path, path);
    return true;
  });
  assert.ok(performance.now() - began < 10_000);
}

test("a pattern by which it would take years holds nobody up, and it is told where it stands", async () => {
  const input = { type: "object", properties: { text: slow } };
  assert.deepEqual(await checkPlanInput({ steps, input }, { text: "aa" }), {
    text: "aa",
  });
  await assert.rejects(checkPlanInput({ steps, input }, { text: "b" }), {
    code: "INPUT_INVALID",
  });
  await soonRejected(
    checkPlanInput({ steps, input }, { text: hostile }),
    "input.properties.text.pattern",
  );
  const params = { tone: { schema: slow } };
  await soonRejected(
    checkParams({ steps, params }, { tone: hostile }),
    "params.tone.schema.pattern",
  );
});

test("a thousand such parameters take no longer than one", async () => {
  const names = Array.from({ length: 1_000 }, (_, at) => `p${at}`);
  const params = Object.fromEntries(
    names.map((name) => [name, { schema: slow, default: hostile }]),
  );
  await soonRejected(
    checkParams({ steps, params }, {}),
    "params.p0.schema.pattern",
  );
  const began = performance.now();
  const problems = checkPlan({ steps, params });
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["params.p0.schema.pattern"],
  );
  assert.ok(performance.now() - began < 10_000);
});

test("what takes long by its sheer size is cut off as well", async () => {
  const words = Array.from({ length: 3_000 }, (_, at) => ({ const: `w${at}` }));
  const input = { items: { anyOf: [...words, { type: "number" }] } };
  const value = Array.from({ length: 100_000 }, (_, at) => at);
  await soonRejected(
    checkPlanInput({ steps, input: { type: "array", ...input } }, value),
    "input",
  );
});

test("a schema that breaks what checks by it is the plan's fault", async () => {
  const allOf = Array.from({ length: 50_000 }, () => ({ type: "string" }));
  await assert.rejects(checkPlanInput({ steps, input: { allOf } }, "x"), {
    code: "PLAN_INVALID",
  });
});
