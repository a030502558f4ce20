import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  call,
  only,
  problems,
  ref,
  type Steps,
} from "../../support/checked-plans.js";

describe("references", () => {
  test("a later step cannot be referred to", () => {
    only(
      problems([call("a", { input: { x: [ref("steps.b.text")] } }), call("b")]),
      /^steps\[0\]\.input\.x\[0\]: step "b" comes later; expected an earlier step/,
    );
  });

  test("an unknown step is told with the nearest", () => {
    only(
      problems([call("draft"), call("b", { input: ref("steps.darft") })]),
      /unknown step "darft": did you mean "draft"\?/,
    );
  });

  test("a name is given once", () => {
    only(
      problems([call("a"), { name: "g", steps: [call("a")] }]),
      /^steps\[1\]\.steps\[0\]\.name: name "a" is taken by steps\[0\]/,
    );
  });

  test("steps of a parallel that need each other in a circle are told as one", () => {
    const steps = [
      {
        name: "p",
        parallel: [
          call("a", { input: { template: "${steps.b}" } }),
          { name: "g", steps: [call("b", { input: ref("steps.c") })] },
          call("c", { after: ["a"] }),
          call("d", { input: ref("steps.a") }),
        ],
      },
    ];
    only(
      problems(steps),
      /^steps\[0\]\.parallel\[0\]: cycle: a needs g needs c needs a/,
    );
  });

  test("steps in a list that refer to each other are a cycle, too", () => {
    const said = problems([
      call("a", { input: ref("steps.b") }),
      call("b", { input: ref("steps.a") }),
    ]);
    assert.equal(said.length, 2);
    assert.match(said[0]!, /"b" comes later/);
    assert.match(said[1]!, /^steps\[0\]: cycle: a needs b needs a/);
  });

  const wrong: [string, Steps, RegExp][] = [
    [
      "a reference to itself",
      [call("a", { input: ref("steps.a") })],
      /step "a" refers to itself/,
    ],
    [
      "a reference to the step around it",
      [{ name: "g", steps: [call("a", { input: ref("steps.g") })] }],
      /step "g" is the one around this/,
    ],
    [
      "a reference to a step inside it",
      [{ name: "m", map: ref("steps.a"), do: [call("a")] }],
      /step "a" is inside this one/,
    ],
    [
      "a reference to the branch that does not run",
      [
        {
          name: "w",
          when: { eq: [1, 1] },
          do: [call("a")],
          else: [call("b", { input: ref("steps.a") })],
        },
      ],
      /step "a" is in the other branch/,
    ],
    [
      "a reference to one of many in a map",
      [
        { name: "m", map: [1], do: [call("a")] },
        call("b", { input: ref("steps.a") }),
      ],
      /expected "steps\.m", the list of results/,
    ],
    [
      "a reference to the item of a map, outside of it",
      [{ name: "m", map: ref("item"), do: [call("a")] }],
      /unknown "item" in a reference/,
    ],
    [
      "a reference to an undeclared parameter",
      [call("a", { input: { param: "topic" } })],
      /unknown parameter "topic"/,
    ],
    [
      "a reference to a bare name",
      [call("a"), call("b", { input: ref("a") })],
      /did you mean "steps\.a"\?/,
    ],
    [
      "a reference to nothing",
      [call("a", { input: ref("") })],
      /"" is no reference/,
    ],
    [
      "a condition that is none",
      [{ name: "w", when: { equals: [1, 2] }, do: [call("a")] }],
      /^steps\[0\]\.when\.equals: unknown operator/,
    ],
    [
      "one value where two are compared",
      [{ name: "w", when: { or: [{ gt: [1] }] }, do: [call("a")] }],
      /^steps\[0\]\.when\.or\[0\]\.gt: expected two values/,
    ],
    [
      "a template without a reference",
      [call("a", { input: { template: "x" } })],
      /this template has no/,
    ],
    [
      "a template that is not closed",
      [call("a", { input: { template: "${x" } })],
      /is not closed/,
    ],
    [
      "after in a list",
      [call("a"), call("b", { after: ["a"] })],
      /^steps\[1\]\.after: belongs into a parallel/,
    ],
    [
      "after one that is not beside it",
      [call("a"), { name: "p", parallel: [call("b", { after: ["a"] })] }],
      /^steps\[1\]\.parallel\[0\]\.after\[0\]: expected the name of another step/,
    ],
  ];
  for (const [what, steps, message] of wrong)
    test(`it is refused: ${what}`, () => only(problems(steps), message));

  test("an undo may refer to the result of its own step", () => {
    assert.deepEqual(
      problems([call("a", { undo: { call: "x.y", input: ref("steps.a") } })]),
      [],
    );
  });

  test("the output cannot come out of the body of a map", () => {
    only(
      problems([{ name: "m", map: [1], do: [call("a")] }], {
        output: ref("steps.a"),
      }),
      /^output: .*expected "steps\.m"/,
    );
  });
});

describe("references to the input", () => {
  const described = (path: string, input: unknown) =>
    problems([call("a", { input: ref(path) })], { input });
  const text = { text: { type: "string" } };
  const open = { type: "object", properties: text };
  const closed = { ...open, additionalProperties: false };

  test("a slip is told, also where other fields may be given", () => {
    only(
      described("input.txt", open),
      /^steps\[0\]\.input: "input" has no "txt" by .*did you mean "text"\? If not, describe it there$/,
    );
    only(
      described("input.txt", closed),
      /has no "txt": did you mean "text"\?$/,
    );
    only(
      described("input.user.naem", {
        properties: { user: { properties: { name: {} } } },
      }),
      /"input\.user" has no "naem" by .* did you mean "name"\?/,
    );
    only(
      problems([call("a")], {
        input: open,
        output: { template: "${input.txt}" },
      }),
      /^output: "input" has no "txt"/,
    );
  });

  test("what a closed schema has not is told", () => {
    only(described("input.more", closed), /; expected one of text$/);
    only(
      described("input.more", { type: "object", additionalProperties: false }),
      /has no "more" .*; it has no fields$/,
    );
  });

  test("what may be there is taken", () => {
    const taken: [string, unknown][] = [
      ["input", closed],
      ["input.text", closed],
      ["input.more", open],
      ["input.txt", { ...open, additionalProperties: {} }],
      ["input.txt", { ...closed, patternProperties: { "^t": {} } }],
      ["input.txt", { ...closed, anyOf: [{}] }],
      ["input.txt", { type: ["object", "array"], properties: text }],
      ["input.0.txt", { type: "array", items: closed }],
      ["input.text.length", closed],
      ["input.txt", undefined],
    ];
    for (const [path, input] of taken)
      assert.deepEqual(described(path, input), [], JSON.stringify(input));
  });
});
