import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
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

describe("shapes", () => {
  const wrong: [string, unknown, RegExp][] = [
    ["no plan", 5, /^: expected a plan: an object/],
    ["no steps", {}, /^steps: expected a list of steps/],
    ["an empty list", { steps: [] }, /^steps: expected at least one step/],
    [
      "an unknown field",
      { steps: [call("a")], stepz: 1 },
      /^stepz: unknown field "stepz": did you mean "steps"\?/,
    ],
    [
      "an unknown field of a step",
      { steps: [call("a", { inptu: 1 })] },
      /^steps\[0\]\.inptu: unknown field "inptu": did you mean "input"\?/,
    ],
    [
      "an unknown field deep within",
      { steps: [call("a", { retry: { attempts: 2, fist: 1 } })] },
      /^steps\[0\]\.retry\.fist: unknown field/,
    ],
    [
      "an unknown kind",
      { steps: [{ name: "a", cal: "x.y" }] },
      /^steps\[0\]: says nothing to do; expected one of call, .*: "cal" may mean "call"/,
    ],
    [
      "two kinds",
      { steps: [call("a", { wait: "1s" })] },
      /^steps\[0\]: says call and wait/,
    ],
    [
      "no name",
      { steps: [{ call: "x.y" }] },
      /^steps\[0\]\.name: expected string/,
    ],
    [
      "a name with a dot",
      { steps: [call("a.b")] },
      /^steps\[0\]\.name: expected a name/,
    ],
    [
      "an empty parallel",
      { steps: [{ name: "p", parallel: [] }] },
      /^steps\[0\]\.parallel: expected at least one step/,
    ],
    [
      "a time that is none",
      { steps: [{ name: "w", wait: "soon" }] },
      /^steps\[0\]\.wait: expected a duration/,
    ],
    [
      "a date that is none",
      { steps: [{ name: "w", wait: { until: "soon" } }] },
      /^steps\[0\]\.wait\.until: expected a date/,
    ],
    [
      "a target that is none",
      { steps: [{ name: "a", call: "write." }] },
      /^steps\[0\]\.call: "write\." names no skill/,
    ],
    [
      "a map over no list",
      { steps: [{ name: "m", map: "abc", do: [call("a")] }] },
      /^steps\[0\]\.map: expected a list/,
    ],
    [
      "a schema that is none",
      { steps: [call("a")], input: { type: "strin" } },
      /^input: expected a JSON Schema/,
    ],
    [
      "a default that does not fit",
      {
        steps: [call("a")],
        params: { n: { schema: { type: "number" }, default: "x" } },
      },
      /^params\.n\.default: does not fit its schema/,
    ],
    [
      "what is not JSON",
      { steps: [call("a", { input: { at: new Date(0) } })] },
      /^steps\[0\]\.input\.at: expected JSON, got a Date/,
    ],
  ];
  for (const [what, plan, message] of wrong)
    test(`it is told where the trouble is: ${what}`, () => {
      only(
        checkPlan(plan).map((each) => `${each.path}: ${each.message}`),
        message,
      );
    });

  test("all that is wrong is told at once, up to fifty", () => {
    assert.equal(
      problems([call("a", { x: 1, y: 2 }), call("a", { z: 3 })]).length,
      4,
    );
    const many = Array.from({ length: 200 }, (_, at) => ({ name: `a${at}` }));
    assert.equal(problems(many).length, 50);
  });

  test("what is wrong with shapes and with references is told in one go", () => {
    const steps = [
      call("a", { timeout: "soon", input: { x: ref("steps.later") } }),
      {
        name: "p",
        parallel: [
          call("b", { after: ["nobody", 5], undo: { call: "writer." } }),
          {
            name: "m",
            map: ref("inptu.list"),
            concurrency: 0,
            do: [call("c")],
          },
        ],
      },
      {
        name: "v",
        vote: [{ call: "writer.shout", input: ref("param.tone"), wait: 1 }],
        rule: { atLeast: 2 },
      },
      { name: "u", wait: { until: "soon" }, nap: 1 },
      { name: "w", wait: { until: ref("steps.c") }, timeout: "soon" },
      {
        name: "x",
        when: { eq: [ref("steps.aa"), 1] },
        do: [call("later")],
        y: 1,
      },
    ];
    const said = checkPlan({ steps, output: ref("steps.z") }, { cards });
    assert.deepEqual(said.map(({ path }) => path).sort(), [
      "output",
      "steps[0].input.x",
      "steps[0].timeout",
      "steps[1].parallel[0].after[0]",
      "steps[1].parallel[0].after[1]",
      "steps[1].parallel[0].undo.call",
      "steps[1].parallel[1].concurrency",
      "steps[1].parallel[1].map",
      "steps[2].rule.atLeast",
      "steps[2].vote[0].call",
      "steps[2].vote[0].input",
      "steps[2].vote[0].wait",
      "steps[3].nap",
      "steps[3].wait.until",
      "steps[4].timeout",
      "steps[4].wait.until",
      "steps[5].when.eq[0]",
      "steps[5].y",
    ]);
  });

  test("of what may follow from a wrong shape nothing more is told", () => {
    const uses = call("uses", {
      input: [ref("steps.draft"), ref("steps.inner"), ref("param.tone")],
    });
    const wrong: object[] = [
      { nmae: "draft", call: "writer.write" },
      { name: "draft", parralel: [call("inner")] },
      { name: "draft", parallel: call("inner") },
    ];
    for (const step of wrong)
      for (const { path } of checkPlan({ steps: [step, uses], params: [] }))
        assert.doesNotMatch(path, /input/, JSON.stringify(step));
  });

  test("any JSON at all is checked without a throw", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.jsonValue(),
        (inner, other) => {
          checkPlan(inner);
          checkPlan({
            steps: [{ name: "a", call: "a.b", input: inner, x: other }],
          });
          checkPlan({ steps: inner, params: other, output: inner });
          checkPlan({ steps: [{ name: "w", when: inner, do: other }, other] });
          for (const field of ["vote", "wait", "undo", "after", "as", "do"])
            checkPlan({
              steps: [{ name: "m", map: other, [field]: inner }, other],
            });
        },
      ),
    );
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
  for (const unfit of [5, {}, { steps: [] }, { steps: [{ name: "a" }] }])
    assert.throws(() => readPlan(unfit), { code: "PLAN_INVALID" });
});

test("docs/plan.schema.json is the schema of this version: write it by troupe plan schema", () => {
  assert.deepEqual(
    JSON.parse(readFileSync("docs/plan.schema.json", "utf8")),
    planJsonSchema(),
  );
});
