import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkPlan } from "../../../protocol/plan/check.js";
import {
  call,
  cards,
  only,
  problems,
  ref,
} from "../../support/checked-plans.js";

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
      /^steps\[0\]\.retry\.fist: unknown field "fist": did you mean "first"\?/,
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
      "a parameter that is named like what every object has",
      { steps: [call("a")], params: JSON.parse('{"__proto__":{}}') as unknown },
      /^params\.__proto__: expected a name/,
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

  test("a slip in what a step does hides nothing else", () => {
    const paths = (plan: object) => checkPlan(plan).map(({ path }) => path);
    const asked = {
      name: "a",
      aprove: { ref: "input.x.." },
      timeout: "2x",
      budget: { tim: 1 },
    };
    const late = { name: "b", approve: "?", timeout: "9d", shwo: 1 };
    const plan = {
      budget: { time: "1d", attemps: 1 },
      steps: [asked, late],
      output: ref("steps.c"),
    };
    assert.deepEqual(paths(plan).sort(), [
      "budget.attemps",
      "output",
      "steps[0]",
      "steps[0].approve",
      "steps[0].budget.tim",
      "steps[0].timeout",
      "steps[1].shwo",
      "steps[1].timeout",
    ]);
    const parallel = [call("inner"), call("b", { input: ref("steps.c") })];
    assert.deepEqual(
      paths({
        steps: [{ name: "p", parralel: parallel }],
        output: ref("steps.inner"),
      }),
      ["steps[0]", "steps[0].parallel[1].input"],
    );
    assert.deepEqual(
      paths({ steps: [{ nmae: "d", call: "a.b" }], output: ref("steps.e") }),
      ["steps[0].name", "steps[0].nmae", "output"],
    );
  });

  test("of what may follow from a wrong shape nothing more is told", () => {
    const wrong: [object, string][] = [
      [{ nmae: "draft", call: "writer.write" }, "draft"],
      [{ call: "writer.write" }, "any"],
      [{ name: "draft", parralel: [call("inner")] }, "inner"],
      [{ name: "draft", parallel: call("inner") }, "inner"],
      [{ name: "draft", at_once: [call("inner")] }, "inner"],
      [{ name: "draft", call: "a.b", parallel: [call("inner")] }, "inner"],
    ];
    for (const [step, name] of wrong) {
      const input = [ref(`steps.${name}`), ref("param.tone")];
      const steps = [step, call("uses", { input })];
      for (const { path } of checkPlan({ steps, params: [] }))
        assert.doesNotMatch(path, /input/, JSON.stringify(step));
    }
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
