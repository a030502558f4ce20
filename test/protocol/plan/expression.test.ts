import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { holds, type Condition } from "../../../protocol/plan/condition.js";
import { referencesIn, resolve } from "../../../protocol/plan/expression.js";

const roots = {
  input: { topic: "tea", n: 3, none: null },
  steps: { draft: { text: "hello", parts: ["a", "b"] }, rate: 5 },
  param: { tone: "dry" },
  item: { id: 7 },
};
const ref = (text: string) => ({ ref: text });

describe("values", () => {
  const values: [string, unknown, unknown][] = [
    ["a reference is what it leads to", ref("steps.draft.text"), "hello"],
    ["a place of a list", ref("steps.draft.parts.1"), "b"],
    ["how long a list is", ref("steps.draft.parts.length"), 2],
    ["a parameter", { param: "tone" }, "dry"],
    ["a default where there is nothing", { ref: "steps.late", default: 1 }, 1],
    ["a default in place of null", { ref: "input.none", default: 1 }, 1],
    [
      "a default that is a reference",
      { ref: "steps.late", default: ref("item.id") },
      7,
    ],
    ["null where it stands", ref("input.none"), null],
    [
      "a template",
      { template: "On ${input.topic}, ${steps.draft.parts} $${x}" },
      'On tea, ["a","b"] ${x}',
    ],
    [
      "a literal, with nothing in it looked into",
      { literal: ref("steps.x") },
      ref("steps.x"),
    ],
    ["a text that looks like a template", "${input.topic}", "${input.topic}"],
    [
      "an object with more fields than a form has",
      { ref: "main", kind: "branch" },
      { ref: "main", kind: "branch" },
    ],
    [
      "what is nested",
      { a: [ref("item.id"), { b: { template: "${input.n}" } }] },
      { a: [7, { b: "3" }] },
    ],
  ];
  for (const [what, value, wanted] of values)
    test(what, () => assert.deepEqual(resolve(value, roots), wanted));

  test("a reference that leads to nothing is an error that names it", () => {
    assert.throws(() => resolve({ a: ref("steps.draft.title") }, roots), {
      code: "PLAN_FAILED",
      message: /"steps\.draft\.title" leads to nothing/,
    });
  });

  test("what is not an object's own is nothing", () => {
    for (const text of [
      "input.constructor",
      "steps.__proto__",
      "item.toString",
      "input.topic.at",
      "constructor",
    ])
      assert.throws(() => resolve(ref(text), roots), { code: "PLAN_FAILED" });
  });

  test("data that was brought by a reference is not looked into, whatever it looks like", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const brought = resolve(ref("input.data"), {
          input: { data: [data, ref("steps.secret")] },
        });
        assert.deepEqual(brought, [data, ref("steps.secret")]);
      }),
    );
  });

  test("every reference is found, with where it stands", () => {
    const value = {
      a: [{ template: "${x.y} and ${z}" }, { ref: "p", default: ref("q") }],
      b: { literal: ref("no") },
      c: ref(""),
    };
    const found = [...referencesIn(value)].map(({ at, reference, problem }) => [
      at.join("."),
      reference?.text ?? problem?.slice(0, 5),
    ]);
    assert.deepEqual(found, [
      ["a.0", "x.y"],
      ["a.0", "z"],
      ["a.1", "p"],
      ["a.1.default", "q"],
      ["c", '"" is'],
    ]);
  });
});

describe("conditions", () => {
  const n = ref("input.n");
  const conditions: [Condition, boolean][] = [
    [{ eq: [n, 3] }, true],
    [{ eq: [ref("steps.draft.parts"), ["a", "b"]] }, true],
    [{ ne: [n, "3"] }, true],
    [{ gt: [n, 3] }, false],
    [{ gte: [n, 3] }, true],
    [{ lt: ["a", "b"] }, true],
    [{ lte: [4, n] }, false],
    [{ in: ["b", ref("steps.draft.parts")] }, true],
    [{ in: [n, [1, 2]] }, false],
    [{ exists: ref("steps.late") }, false],
    [{ exists: ref("input.none") }, false],
    [{ exists: ref("steps.rate") }, true],
    [{ and: [{ eq: [1, 1] }, { not: { eq: [1, 2] } }] }, true],
    [{ or: [{ eq: [1, 2] }, { eq: [2, 2] }] }, true],
    [
      {
        and: [{ exists: ref("steps.late") }, { gt: [ref("steps.late.n"), 1] }],
      },
      false,
    ],
  ];
  for (const [condition, wanted] of conditions)
    test(`${JSON.stringify(condition)} is ${wanted}`, () =>
      assert.equal(holds(condition, roots), wanted));

  test("what cannot be compared is an error and not an answer", () => {
    for (const condition of [
      { gt: [n, "2"] },
      { lt: [null, 1] },
      { in: [1, "123"] },
    ] as Condition[])
      assert.throws(() => holds(condition, roots), {
        code: "PLAN_FAILED",
        message: /takes/,
      });
  });
});
