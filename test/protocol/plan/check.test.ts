import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { TroupeError } from "../../../protocol/errors.js";
import {
  checkPlan,
  parsePlan,
  readPlan,
} from "../../../protocol/plan/check.js";
import { planJsonSchema } from "../../../protocol/plan/plan.js";
import {
  call,
  cards,
  only,
  problems,
  ref,
} from "../../support/checked-plans.js";

describe("a plan that can be run", () => {
  for (const file of readdirSync("examples/plans"))
    test(`examples/plans/${file} is one`, () => {
      const text = readFileSync(`examples/plans/${file}`, "utf8");
      assert.deepEqual(checkPlan(JSON.parse(text)), []);
    });

  test("stands in the guide, and so do conditions and parts of plans that are right", () => {
    const guide = readFileSync("docs/guides/plans.md", "utf8");
    const blocks = [...guide.matchAll(/```json\n([\s\S]*?)```/g)].map(
      ([, text = ""]) => JSON.parse(text) as Record<string, unknown>,
    );
    assert.ok(blocks.some((block) => "steps" in block));
    for (const block of blocks) {
      const before = { name: "draft", value: { text: "" } };
      const price = { name: "price", value: { total: 1 } };
      const params = { steps: [before], ...block };
      const isStep = "name" in block && !("steps" in block);
      const isCondition = "and" in block;
      const plan = isStep
        ? { steps: [before, block] }
        : isCondition
          ? { steps: [price, { name: "w", when: block, do: [before] }] }
          : params;
      assert.deepEqual(checkPlan(plan), [], JSON.stringify(block));
    }
  });

  test("may have every kind of step, and references to all that has ended before", () => {
    const steps = [
      call("a", {
        input: { x: ref("input.x"), y: { template: "${plan.id} $${" } },
      }),
      {
        name: "p",
        parallel: [
          call("b", { after: ["c"] }),
          call("c", { input: ref("steps.a.0.x") }),
        ],
      },
      {
        name: "m",
        map: ref("steps.b"),
        do: [call("d", { input: [ref("item"), ref("index")] })],
      },
      {
        name: "w",
        when: {
          and: [
            { exists: ref("steps.m") },
            { not: { in: [ref("steps.c"), [1, 2]] } },
          ],
        },
        do: [{ name: "pause", wait: "1s" }],
        else: [
          {
            name: "ask",
            approve: "Well?",
            timeout: "1d",
            otherwise: "continue",
          },
        ],
      },
      {
        name: "v",
        vote: ["writer.write", { call: { text: "judge this" }, weight: 2 }],
        input: {},
      },
      { name: "s", wait: { signal: "paid" } },
      { name: "u", wait: { until: ref("steps.s.at") } },
      {
        name: "g",
        steps: [{ name: "o", value: { literal: { ref: "main" } } }],
      },
    ];
    assert.deepEqual(
      problems(steps, {
        output: { ref: "steps.o", default: ref("steps.ask") },
      }),
      [],
    );
  });

  test("calls agents and skills that there are, by name or by need", () => {
    const steps = [
      call("a"),
      { name: "b", call: "shorten@^2" },
      { name: "c", call: { text: "do it" } },
    ];
    assert.deepEqual(checkPlan({ steps }, { cards }), []);
  });
});

/** The best of three: other tests may be running. */
function quickest(work: () => void): number {
  const took = [1, 2, 3].map(() => {
    const begunAt = performance.now();
    work();
    return performance.now() - begunAt;
  });
  return Math.min(...took);
}

describe("size", () => {
  const chain = (length: number) =>
    Array.from({ length }, (_, at) =>
      call(`s${at}`, at === 0 ? {} : { input: ref(`steps.s${at - 1}.text`) }),
    );

  test("ten thousand steps are refused in well under a second", () => {
    const steps = chain(10_000);
    const refused = /^steps: has 10000 steps; expected at most 1000/;
    assert.ok(quickest(() => only(problems(steps), refused)) < 1_000);
  });

  test("a thousand steps are accepted in well under a second", () => {
    const steps = chain(1_000);
    assert.ok(quickest(() => assert.deepEqual(problems(steps), [])) < 1_000);
  });

  test("a plan that is nested ten thousand deep costs no stack", () => {
    let step: Record<string, unknown> = call("a");
    for (let at = 0; at < 10_000; at++)
      step = { name: `g${at}`, steps: [step] };
    only(problems([step]), /expected at most 64 levels of nesting/);
  });

  test("references to fields that an input has not cost little, however many there are", () => {
    const fields = (of: string) =>
      Array.from({ length: 5_000 }, (_, at) => `${of}${at}`);
    const input = (names: string[]) => ({
      properties: Object.fromEntries(names.map((name) => [name, {}])),
    });
    const value = fields("other").map((name) => ref(`input.${name}`));
    for (const names of [fields("field"), ["x".repeat(100_000), "more"]]) {
      const plan = { steps: [{ name: "v", value }], input: input(names) };
      assert.ok(quickest(() => assert.deepEqual(checkPlan(plan), [])) < 2_000);
    }
  });

  test("a circle of objects is refused", () => {
    const step: Record<string, unknown> = call("a");
    step["input"] = step;
    only(problems([step]), /expected at most 64 levels/);
  });
});

test("parsePlan throws all that is wrong, as text and as data", () => {
  assert.throws(
    () => parsePlan({ steps: [call("a"), call("a", { x: 1 })] }),
    (error) =>
      error instanceof TroupeError &&
      error.code === "PLAN_INVALID" &&
      !error.retryable &&
      /steps\[1\]\.x: unknown field.*; steps\[1\]\.name: /.test(
        error.message,
      ) &&
      (error.data as { problems: unknown[] }).problems.length === 2,
  );
});

test("a plan that an earlier version let pass is read as far as it can be run", () => {
  const steps = [call("a"), { name: "w", wait: "2d" }];
  const budget = { time: "1d" };
  assert.throws(() => parsePlan({ steps, budget }), { code: "PLAN_INVALID" });
  const names = readPlan({ steps, budget }).nodes.map(({ name }) => name);
  assert.deepEqual(names, ["a", "w"]);
  const input = { properties: { text: {} } };
  const slips = Array.from({ length: 60 }, () => ref("input.txt"));
  const older = {
    name: "",
    input,
    steps: [
      { name: "ok", approve: "?" },
      { name: "w", wait: { signal: "ok" } },
      {
        name: "p",
        parallel: [
          call("a", { input: [...slips, ref("steps.b")] }),
          call("b", { key: "" }),
        ],
      },
    ],
  };
  assert.throws(() => parsePlan(older), { code: "PLAN_INVALID" });
  const [a] = readPlan(older).nodes.filter(({ name }) => name === "a");
  assert.deepEqual(
    [...a!.needs].map(({ name }) => name),
    ["b"],
  );
  for (const unfit of [5, {}, { steps: [] }, { steps: [{ name: "a" }] }])
    assert.throws(() => readPlan(unfit), { code: "PLAN_INVALID" });
});

test("docs/plan.schema.json is the schema of this version: write it by troupe plan schema", () => {
  assert.deepEqual(
    JSON.parse(readFileSync("docs/plan.schema.json", "utf8")),
    planJsonSchema(),
  );
});
