import assert from "node:assert/strict";
import { test } from "node:test";
import { deskBus, ref, say } from "../../support/desk-bus.js";

const at = deskBus();

test("steps run one after another, refer to each other, and the last one's result is the plan's", async () => {
  const result = await at.run(
    [
      say("first", { text: ref("input.text") }),
      say("second", {
        all: [
          ref("steps.first"),
          { param: "n" },
          { template: "${steps.first.text}!" },
        ],
      }),
    ],
    {
      params: { n: { default: 7 } },
      input: { type: "object", required: ["text"] },
    },
    { input: { text: "hi" } },
  );
  assert.deepEqual(result, { all: [{ text: "hi" }, 7, "hi!"] });
});

test("a parallel runs at once what does not wait for each other, and gives all results by name", async () => {
  const slowly = (name: string, more: object = {}) => ({
    name,
    call: "desk.slowly",
    input: { ms: 400, name },
    ...more,
  });
  const result = await at.run([
    {
      name: "p",
      parallel: [
        say("last", { of: [ref("steps.a.name"), ref("steps.b.name")] }),
        slowly("a"),
        slowly("b"),
        slowly("c", { after: ["last"] }),
      ],
    },
  ]);
  assert.deepEqual(result, {
    last: { of: ["a", "b"] },
    a: { ms: 400, name: "a" },
    b: { ms: 400, name: "b" },
    c: { ms: 400, name: "c" },
  });
  assert.equal(at.desk.atOnce.most, 2);
});

test("a map does its steps for each item, so many at once, and gives a list in the items' order", async () => {
  const result = await at.run(
    [
      {
        name: "each",
        map: ref("input"),
        as: "n",
        concurrency: 2,
        do: [
          { name: "slow", call: "desk.slowly", input: { ms: { ref: "n" } } },
          {
            name: "inner",
            map: [1, 2],
            do: [
              {
                name: "v",
                value: [
                  ref("n"),
                  ref("steps.slow.ms"),
                  ref("index"),
                  ref("item"),
                ],
              },
            ],
          },
        ],
      },
    ],
    {},
    { input: [30, 20, 10] },
  );
  assert.deepEqual(
    result,
    [30, 20, 10].map((n) => [
      [n, n, 0, 1],
      [n, n, 1, 2],
    ]),
  );
  assert.equal(at.desk.atOnce.most, 2);
});

test("a condition chooses what is done, and what is not done has no result", async () => {
  const when = (name: string, n: number, more: object = {}) => ({
    name,
    when: { gt: [ref("input.n"), n] },
    do: [{ name: `${name}-yes`, value: "yes" }],
    ...more,
  });
  const result = await at.run(
    [
      when("a", 1),
      when("b", 9, { else: [{ name: "no", value: "no" }] }),
      when("c", 9),
    ],
    {
      output: {
        a: ref("steps.a"),
        b: ref("steps.b"),
        c: ref("steps.c"),
        d: { ref: "steps.c-yes", default: "none" },
      },
    },
    { input: { n: 5 } },
  );
  assert.deepEqual(result, { a: "yes", b: "no", c: null, d: "none" });
});

test("a call has a key, a context and a priority as it says, and finds whom it needs", async () => {
  const result = await at.run(
    [
      {
        name: "keyed",
        call: "desk.how",
        key: { template: "k-${input.n}" },
        context: ref("input.n"),
      },
      {
        name: "urgent",
        call: { skill: "how", version: "^1" },
        priority: "high",
      },
      { name: "ranged", call: "say@^1", input: [] },
    ].map((step) => ({ ...step, input: {} })),
    { output: [ref("steps.keyed"), ref("steps.urgent"), ref("steps.ranged")] },
    { input: { n: 7 } },
  );
  assert.deepEqual(result, [
    { key: "k-7", context: "7", level: "normal" },
    { level: "high" },
    {},
  ]);
});

test("a vote says what was chosen and how: ballots, weights, abstentions and failures", async () => {
  const voter = (choice: unknown, weight = 1) => ({
    call: "desk.say",
    weight,
    input: { choice, why: "so" },
  });
  const ballot = (choice: unknown, weight = 1) => ({
    voter: "desk.say",
    weight,
    ...(choice === null ? { abstained: true } : { choice }),
    result: { choice, why: "so" },
  });
  const both = [voter("good", 2), voter("good")];
  const rule = { atLeast: 3 };
  assert.deepEqual(
    await at.run([{ name: "v", vote: both, choice: "choice", rule }]),
    {
      decided: true,
      choice: "good",
      weight: 3,
      total: 3,
      rule,
      ballots: [ballot("good", 2), ballot("good")],
    },
  );
  const fail = { call: "desk.fail", input: { why: "ill" } };
  const vote = [voter("bad"), voter("good"), voter(null), fail];
  const tie = { name: "v", vote, choice: "choice", rule: "plurality" };
  await assert.rejects(at.run([tie]), {
    code: "VOTE_UNDECIDED",
    message:
      /step "v" failed: no choice has enough .* 4 in all: desk\.say "bad", desk\.say "good", desk\.say abstained, desk\.fail failed \(HANDLER_REFUSED\)/,
  });
  assert.deepEqual(await at.run([{ ...tie, otherwise: "continue" }]), {
    decided: false,
    choice: null,
    weight: 0,
    total: 4,
    rule: "plurality",
    ballots: [
      ballot("bad"),
      ballot("good"),
      ballot(null),
      {
        voter: "desk.fail",
        weight: 1,
        error: { code: "HANDLER_REFUSED", message: "ill" },
      },
    ],
  });
});

test("a plan that is kept is run by its name, in the version that was the newest when it was submitted", async () => {
  const plan = (text: string) => ({
    params: { who: { schema: { type: "string" } } },
    steps: [
      { name: "w", wait: "300ms" },
      say("s", { text, who: { param: "who" } }),
    ],
  });
  await at.bus.plans.put("greet", plan("hello"));
  const task = await at.bus.plans.run("greet", { params: { who: "Ann" } });
  await at.bus.plans.put("greet", plan("goodbye"));
  assert.deepEqual(await task.result(), { text: "hello", who: "Ann" });
  const later = await at.bus.call("orchestrator.plan.run", {
    plan: "greet",
    params: { who: "Bob" },
  });
  assert.deepEqual(later, { text: "goodbye", who: "Bob" });
});

test("a plan may call plans, and one that calls itself ends", async () => {
  const call = (plan: unknown) => ({
    name: "again",
    call: "orchestrator.plan.run",
    input: { plan, input: { n: ref("input.n") } },
  });
  const inner = { literal: { steps: [say("s", { twice: ref("input.n") })] } };
  const result = await at.run([call(inner)], {}, { input: { n: 4 } });
  assert.deepEqual(result, { twice: 4 });
  await at.bus.plans.put("loop", { steps: [call("loop")] });
  const task = await at.bus.plans.run("loop", { input: { n: 0 } });
  await assert.rejects(task.result({ timeout: "30s" }), {
    code: "PLAN_INVALID",
    message: /plans call each other more than 16 deep: does one of them call/,
  });
});

test("what cannot be run is refused before it begins", async () => {
  await assert.rejects(at.run([{ name: "a", call: "desk.sya" }]), {
    code: "PLAN_INVALID",
    message:
      /steps\[0\]\.call: agent "desk" has no skill "sya": did you mean "say"\?/,
  });
  const params = { n: { schema: { type: "number" } } };
  await assert.rejects(at.run([say("a", {})], { params }), {
    code: "INPUT_INVALID",
    message: /parameter "n" of the plan is missing/,
  });
  await assert.rejects(
    at.run([say("a", {})], { params }, { params: { n: "x" } }),
    { code: "INPUT_INVALID", message: /parameter "n" does not fit its schema/ },
  );
  await assert.rejects(
    at.run([say("a", {})], { params }, { params: { n: 1, m: 2 } }),
    { code: "INPUT_INVALID", message: /no parameter "m"/ },
  );
  await assert.rejects(
    at.run([say("a", {})], { input: { type: "object", required: ["text"] } }),
    { code: "INPUT_INVALID", message: /the plan's input does not fit/ },
  );
  await assert.rejects(at.bus.plans.run("nothing"), { code: "PLAN_UNKNOWN" });
  // Whoever submits by hand hears of it by the end of the task.
  const byHand = (given: object) => at.bus.call("orchestrator.plan.run", given);
  await assert.rejects(
    byHand({ plan: { steps: [{ name: "a", call: "desk.sya" }] } }),
    { code: "PLAN_INVALID" },
  );
  await assert.rejects(byHand({ plan: "nothing" }), { code: "PLAN_UNKNOWN" });
  await assert.rejects(
    at.bus.ask("orchestrator.plan.run", { plan: { steps: [say("a", {})] } }),
    { message: /by a task that is stored/ },
  );
});
