import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planSchema } from "../../../protocol/plan/plan.js";
import { checkPlan } from "../../../protocol/plan/check.js";
import { call, only, problems, ref } from "../../support/checked-plans.js";

type Raw = Record<string, unknown>;

const template = { template: "${input.a}" };
const when = (condition: object) => ({
  name: "w",
  when: condition,
  do: [call("a")],
});
const map = (list: unknown) => ({ name: "m", map: list, do: [call("a")] });
const vote = (weight: number, more: object = {}) => ({
  name: "v",
  vote: [
    { call: "a.b", weight },
    { call: "a.c", weight },
  ],
  ...more,
});

const isShaped = (step: Raw) => planSchema.safeParse({ steps: [step] }).success;

describe("what can never work by its form", () => {
  const long = "9999999999999d";
  const both: [Raw, RegExp][] = [
    [{ name: "w", wait: long }, /^steps\[0\]\.wait: .*hundred years/],
    [{ name: "w", wait: 1e300 }, /^steps\[0\]\.wait: .*hundred years/],
    [{ name: "w", wait: "36501d" }, /^steps\[0\]\.wait: .*hundred years/],
    [{ name: "a", approve: "?", timeout: long }, /timeout: .*hundred years/],
    [
      call("a", { retry: { attempts: 2, first: long } }),
      /retry\.first: .*hundred years/,
    ],
    [
      call("a", { retry: { attempts: 2, max: 1e300 } }),
      /retry\.max: .*hundred years/,
    ],
    [call("a", { budget: { time: long } }), /budget\.time: .*hundred years/],
    [map(template), /map: expected a list, or a reference/],
    [map({ literal: "x" }), /map: expected a list, or a reference/],
    [map({ a: 1 }), /map: expected a list, or a reference/],
    [when({ in: [1, template] }), /in\[1\]: expected a list/],
    [when({ in: [1, { literal: "x" }] }), /in\[1\]: expected a list/],
    [when({ gt: [1, "a"] }), /gt: .*two texts, got a number and a text/],
    [when({ lte: [template, 1] }), /lte: .*got a text and a number/],
    [
      when({ gt: [null, ref("input")] }),
      /gt\[0\]: .*number or a text, got null/,
    ],
    [when({ gt: [ref("input"), [1]] }), /gt\[1\]: .*got a list/],
    [when({ lt: [{ a: 1 }, 1] }), /lt\[0\]: .*got an object/],
    [vote(1, { rule: { atLeast: 1e17 } }), /rule\.atLeast: /],
  ];
  for (const [step, message] of both)
    test(`it is refused, also by the schema: ${JSON.stringify(step)}`, () => {
      only(problems([step]), message);
      assert.equal(isShaped(step), false);
    });

  const weighing: [number, RegExp][] = [
    [1e-10, /weight: Too small/],
    [1e308, /weight: Too big/],
  ];
  for (const [weight, message] of weighing)
    test(`weights of ${weight} are refused, also by the schema`, () => {
      const said = problems([vote(weight)]);
      assert.equal(said.length, 2);
      assert.match(said[0]!, message);
      assert.equal(isShaped(vote(weight)), false);
    });

  const checked: [Raw, RegExp][] = [
    [{ name: "w", wait: { for: long } }, /wait\.for: .*hundred years/],
    [
      { name: "w", wait: { until: "2300-01-01T00:00:00Z" } },
      /wait\.until: expected a date/,
    ],
    [call("a", { key: "" }), /key: key "" is empty/],
    [call("a", { key: { literal: "\ud800" } }), /key: .*half a character/],
    [call("a", { context: "" }), /context: context "" is empty/],
    [{ name: "a", call: `${"é".repeat(80)}.b` }, /call: agent .* characters/],
  ];
  for (const [step, message] of checked)
    test(`it is refused: ${JSON.stringify(step).slice(0, 70)}`, () =>
      only(problems([step]), message));

  test("a name of the plan with nothing in it is refused, for the picture could not show it", () => {
    const plan = { name: "", steps: [call("a")] };
    assert.deepEqual(
      checkPlan(plan).map(({ path }) => path),
      ["name"],
    );
    assert.equal(planSchema.safeParse(plan).success, false);
  });
});

test("what may work is taken, also by the schema", () => {
  const steps: Raw[] = [
    { name: "w", wait: "36500d" },
    { name: "w", wait: "0.5h" },
    { name: "w", wait: { for: template } },
    map([1]),
    map({ ref: "input.list", default: [] }),
    map({ literal: [{ ref: "x" }] }),
    when({ in: [template, [1, 2]] }),
    when({ in: [1, ref("input.list")] }),
    when({ gt: [ref("input.a"), { param: "n" }] }),
    when({ gt: [template, { literal: "b" }] }),
    when({ gt: [{ literal: 1 }, 0] }),
    when({ eq: [{ a: 1 }, [1]] }),
    call("a", { key: ref("input.key"), context: template }),
    vote(0.1, { rule: { atLeast: 0.2 } }),
  ];
  for (const step of steps) {
    const said = JSON.stringify(step);
    assert.deepEqual(problems([step], { params: { n: {} } }), [], said);
    assert.equal(isShaped(step), true, said);
  }
  const sum = [0.7, 0.1].map((weight) => ({ call: "a.b", weight }));
  assert.deepEqual(
    problems([{ name: "v", vote: sum, rule: { atLeast: 0.8 } }]),
    [],
  );
});
