import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkPlan } from "../../../protocol/plan/check.js";
import {
  call,
  cards,
  only,
  problems,
  type Steps,
} from "../../support/checked-plans.js";

describe("skills, votes and budgets", () => {
  test("an unknown agent, skill or version is told with what there is", () => {
    const steps = [
      { name: "a", call: "writr.write" },
      { name: "b", call: "writer.shrten" },
      { name: "c", call: "writer.write@^3" },
      { name: "d", vote: [{ call: "translate@^1" }], input: 1 },
      call("e", { undo: { call: "writer.erase" } }),
    ];
    const said = checkPlan({ steps }, { cards }).map(
      (each) => `${each.path}: ${each.message}`,
    );
    assert.deepEqual(said, [
      'steps[0].call: unknown agent "writr": did you mean "writer"?',
      'steps[1].call: agent "writer" has no skill "shrten": did you mean "shorten"?',
      'steps[2].call: nobody has "write" in version ^3; there is 2.1.0',
      'steps[3].vote[0].call: no agent has a skill "translate"; expected one of write, shorten',
      'steps[4].undo.call: agent "writer" has no skill "erase"; expected one of write, shorten',
    ]);
  });

  test("a vote that nobody can win is refused", () => {
    const vote = ["a.b", { call: "a.c", weight: 0.5 }];
    only(
      problems([{ name: "v", vote, rule: { atLeast: 2 } }]),
      /^steps\[0\]\.rule\.atLeast: is 2, and all voters together weigh 1\.5/,
    );
  });

  const wrong: [string, Steps, object, RegExp][] = [
    [
      "more calls than it may make",
      [call("a"), { name: "v", vote: ["a.b", "a.c"] }],
      { budget: { attempts: 2 } },
      /^budget\.attempts: is 2, and at least 3 calls/,
    ],
    [
      "longer waits than it may take",
      [{ name: "w", wait: "2d" }],
      { budget: { time: "1d" } },
      /^budget\.time: is 1d, and at least 2d/,
    ],
    [
      "a part with more than the whole",
      [call("a", { budget: { time: "2h" } })],
      { budget: { time: "1h" } },
      /^steps\[0\]\.budget\.time: is 2h, more than the 1h around it/,
    ],
    [
      "more retries than calls",
      [call("a", { budget: { attempts: 2 }, retry: { attempts: 3 } })],
      {},
      /^steps\[0\]\.retry\.attempts: is 3, more than the budget of 2/,
    ],
    [
      "a timeout that outlasts its budget",
      [{ name: "ok", approve: "?", timeout: "2d", budget: { time: "1d" } }],
      {},
      /^steps\[0\]\.timeout: is 2d, more than/,
    ],
  ];
  for (const [what, steps, more, message] of wrong)
    test(`a budget for ${what} is refused`, () =>
      only(problems(steps, more), message));

  test("what need not be done counts for no budget", () => {
    const steps = [
      { name: "m", map: [1, 2, 3], do: [call("a")] },
      { name: "w", when: { eq: [1, 1] }, do: [call("b"), call("c")] },
      {
        name: "p",
        parallel: [
          { name: "x", wait: "50m" },
          { name: "y", wait: "50m" },
        ],
      },
    ];
    assert.deepEqual(
      problems(steps, { budget: { attempts: 1, time: "1h" } }),
      [],
    );
  });
});
