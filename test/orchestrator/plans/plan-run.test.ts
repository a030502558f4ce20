import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { connect, type Bus, type TaskEvent } from "../../../index.js";
import { Desk } from "../../support/desk.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { testServer, type TestServer } from "../../support/server.js";

const ref = (text: string) => ({ ref: text });
const say = (name: string, input: unknown, more: object = {}) => ({
  name,
  call: "desk.say",
  input,
  ...more,
});
const act = (name: string) => ({
  name,
  call: "desk.do",
  input: { what: name },
  undo: { call: "desk.undo", input: { id: ref(`steps.${name}.id`) } },
});

let server: TestServer;
let bus: Bus;
const desk = new Desk();

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
  await bus.serve(desk.agent, quiet);
  await bus.orchestrate(quiet);
});
after(async () => {
  await bus.close();
  await server.stop();
});
beforeEach(() => desk.forget());

const run: Run = async (steps, more = {}, given = {}) => {
  const task = await bus.plans.run({ steps, ...more }, given);
  return task.result({ timeout: "30s" });
};

type Run = (
  steps: readonly object[],
  more?: object,
  given?: object,
) => Promise<unknown>;

test("steps run one after another, refer to each other, and the last one's result is the plan's", async () => {
  const result = await run(
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
    input: { ms: 100, name },
    ...more,
  });
  const result = await run([
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
    a: { ms: 100, name: "a" },
    b: { ms: 100, name: "b" },
    c: { ms: 100, name: "c" },
  });
  assert.equal(desk.atOnce.most, 2);
});

test("a map does its steps for each item, so many at once, and gives a list in the items' order", async () => {
  const result = await run(
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
  assert.equal(desk.atOnce.most, 2);
});

test("a condition chooses what is done, and what is not done has no result", async () => {
  const when = (name: string, n: number, more: object = {}) => ({
    name,
    when: { gt: [ref("input.n"), n] },
    do: [{ name: `${name}-yes`, value: "yes" }],
    ...more,
  });
  const result = await run(
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

test("a vote says what was chosen and how: ballots, weights, abstentions and failures", async () => {
  const voter = (choice: unknown, weight = 1) => ({
    call: "desk.say",
    weight,
    input: { choice, why: "so" },
  });
  const vote = [
    voter("good", 2),
    voter("bad"),
    voter("good"),
    voter(null),
    { call: "desk.fail", input: { why: "ill" } },
  ];
  const result = await run([
    { name: "v", vote, choice: "choice", rule: { atLeast: 3 } },
  ]);
  assert.deepEqual(result, {
    decided: true,
    choice: "good",
    weight: 3,
    total: 6,
    rule: { atLeast: 3 },
    ballots: [
      {
        voter: "desk.say",
        weight: 2,
        choice: "good",
        result: { choice: "good", why: "so" },
      },
      {
        voter: "desk.say",
        weight: 1,
        choice: "bad",
        result: { choice: "bad", why: "so" },
      },
      {
        voter: "desk.say",
        weight: 1,
        choice: "good",
        result: { choice: "good", why: "so" },
      },
      {
        voter: "desk.say",
        weight: 1,
        abstained: true,
        result: { choice: null, why: "so" },
      },
      {
        voter: "desk.fail",
        weight: 1,
        error: { code: "HANDLER_REFUSED", message: "ill" },
      },
    ],
  });
  const majority = [{ name: "v", vote: vote.slice(1), choice: "choice" }];
  await assert.rejects(run(majority), {
    code: "VOTE_UNDECIDED",
    message:
      /step "v" failed: no choice has enough .* 4 in all: desk\.say "bad", desk\.say "good", desk\.say abstained, desk\.fail failed \(HANDLER_REFUSED\)/,
  });
  const verdict = await run([{ ...majority[0], otherwise: "continue" }]);
  assert.equal((verdict as { decided: boolean }).decided, false);
});

test("a person approves, with a comment; an answer that is none is passed over; a no fails the plan", async () => {
  const plan = {
    steps: [
      {
        name: "ok",
        approve: { template: "Publish ${input.title}?" },
        show: ref("input"),
        timeout: "1m",
      },
    ],
  };
  const start = () => bus.plans.run(plan, { input: { title: "A" } });
  const yes = await start();
  await bus.signal(yes.id, "ok", { approved: "perhaps" });
  await bus.plans.answer(yes.id, "ok", {
    approved: true,
    by: "ann",
    comment: "fine",
  });
  assert.deepEqual(await yes.result(), {
    approved: true,
    by: "ann",
    comment: "fine",
  });
  const no = await start();
  await bus.plans.answer(no.id, "ok", {
    approved: false,
    by: "bob",
    comment: "too long",
  });
  await assert.rejects(no.result(), {
    code: "APPROVAL_DENIED",
    message: /step "ok" failed: "bob" said no: too long/,
  });
});

test("whoever follows the task sees what is asked", async () => {
  const task = await bus.plans.run({
    steps: [
      { name: "first", wait: "200ms" },
      { name: "ok", approve: "Well?", timeout: "1m" },
    ],
  });
  const asked = (event: TaskEvent) => event.progress?.message === "ok: Well?";
  for await (const event of task.events({ timeout: "20s" }))
    if (asked(event)) break;
  await bus.plans.answer(task.id, "ok", { approved: true });
  assert.deepEqual(await task.result(), { approved: true });
});

test("who does not answer in time fails the plan, or not, as it says", async () => {
  const ask = { name: "ok", approve: "?", timeout: "100ms" };
  await assert.rejects(run([ask]), {
    code: "WAIT_TIMED_OUT",
    message: /step "ok" failed/,
  });
  assert.deepEqual(await run([{ ...ask, otherwise: "continue" }]), {
    approved: false,
    timedOut: true,
  });
  const signal = {
    name: "paid",
    wait: { signal: "paid" },
    timeout: "100ms",
    otherwise: "continue",
  };
  assert.equal(await run([signal]), null);
});

test("it waits for times, dates and signals, which may have come before", async () => {
  const task = await bus.plans.run(
    {
      steps: [
        { name: "a", wait: 50 },
        { name: "b", wait: { for: ref("input.pause") } },
        { name: "c", wait: { until: ref("input.date") } },
        {
          name: "d",
          wait: {
            signal: "paid",
            schema: { type: "object", required: ["euros"] },
          },
        },
      ],
    },
    {
      input: { pause: "50ms", date: new Date(Date.now() + 300).toISOString() },
    },
  );
  await bus.signal(task.id, "paid", {});
  await bus.signal(task.id, "paid", { euros: 5 });
  assert.deepEqual(await task.result(), { euros: 5 });
});

test("a call that fails is made again as often as its retry says", async () => {
  const flaky = (name: string, times: number) => ({
    name: "f",
    call: "desk.flaky",
    input: { name, times },
    retry: { attempts: 3, first: 1 },
  });
  assert.deepEqual(await run([flaky("a", 2)]), { name: "a", times: 2 });
  await assert.rejects(run([flaky("b", 3)]), {
    code: "HANDLER_REFUSED",
    message: /step "f" failed: b fails/,
  });
});

test("what was done is undone in reverse order when a later step fails, and only that", async () => {
  await assert.rejects(
    run([
      act("flight"),
      { name: "each", map: ["x", "y"], concurrency: 1, do: [act("extra")] },
      { name: "not", when: { eq: [1, 2] }, do: [act("car")] },
      { name: "bad", call: "desk.fail", input: { why: "no room" } },
      act("never"),
    ]),
    { code: "HANDLER_REFUSED", message: /step "bad" failed: no room/ },
  );
  assert.deepEqual(desk.log, [
    "do flight",
    "do extra",
    "do extra",
    "undo extra-1",
    "undo extra-1",
    "undo flight-1",
  ]);
});

test("calls under way when another fails are waited for, and undone, too", async () => {
  const slow = {
    name: "slow",
    call: "desk.slowly",
    input: { ms: 300, id: "slow-1" },
    undo: { call: "desk.undo", input: { id: ref("steps.slow.id") } },
  };
  await assert.rejects(
    run([
      {
        name: "p",
        parallel: [
          { name: "branch", steps: [slow, act("after")] },
          { name: "bad", call: "desk.fail", input: { why: "no" } },
          { name: "long", wait: "1h" },
        ],
      },
    ]),
    { message: /step "bad" failed/ },
  );
  assert.deepEqual(desk.log, ["undo slow-1"]);
});

test("a plan that is canceled undoes what it did", async () => {
  const task = await bus.plans.run({
    steps: [act("a"), act("b"), { name: "w", wait: "1h" }],
  });
  await eventually(() => desk.log.length === 2);
  await task.cancel("changed my mind");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  await eventually(() => desk.log.length === 4);
  assert.deepEqual(desk.log.slice(2), ["undo b-1", "undo a-1"]);
});

test("budgets of calls and of time end a plan that takes more", async () => {
  const flaky = {
    name: "f",
    call: "desk.flaky",
    input: { name: "x", times: 99 },
    retry: { attempts: 4, first: 1 },
  };
  await assert.rejects(run([act("a"), flaky], { budget: { attempts: 4 } }), {
    code: "BUDGET_EXCEEDED",
    message:
      /step "f" failed: the plan has made the 4 calls that its budget allows/,
  });
  const each = {
    name: "m",
    map: [1, 2, 3],
    do: [say("s", {})],
    budget: { attempts: 2 },
  };
  await assert.rejects(run([each]), {
    code: "BUDGET_EXCEEDED",
    message: /step "m" has made the 2 calls/,
  });
  const slow = { name: "slow", call: "desk.slowly", input: { ms: 20_000 } };
  await assert.rejects(
    run([{ name: "g", steps: [act("b"), slow], budget: { time: "1500ms" } }]),
    {
      code: "BUDGET_EXCEEDED",
      message:
        /step "g" failed: step "g" took longer than its budget of 1500ms/,
    },
  );
  assert.deepEqual(desk.log, ["do a", "undo a-1", "do b", "undo b-1"]);
});

test("a reference that leads to nothing fails the plan and says which", async () => {
  await assert.rejects(
    run([say("a", {}), { name: "b", value: ref("steps.a.text") }]),
    {
      code: "PLAN_FAILED",
      message: /step "b" failed: reference "steps\.a\.text" leads to nothing/,
    },
  );
});

test("a plan that is kept is run by its name, in the version that was the newest when it was submitted", async () => {
  const plan = (text: string) => ({
    params: { who: { schema: { type: "string" } } },
    steps: [
      { name: "w", wait: "300ms" },
      say("s", { text, who: { param: "who" } }),
    ],
  });
  await bus.plans.put("greet", plan("hello"));
  const task = await bus.plans.run("greet", { params: { who: "Ann" } });
  await bus.plans.put("greet", plan("goodbye"));
  assert.deepEqual(await task.result(), { text: "hello", who: "Ann" });
  const later = await bus.call("orchestrator.plan.run", {
    plan: "greet",
    params: { who: "Bob" },
  });
  assert.deepEqual(later, { text: "goodbye", who: "Bob" });
});

test("what cannot be run is refused before it begins", async () => {
  await assert.rejects(run([{ name: "a", call: "desk.sya" }]), {
    code: "PLAN_INVALID",
    message:
      /steps\[0\]\.call: agent "desk" has no skill "sya": did you mean "say"\?/,
  });
  const params = { n: { schema: { type: "number" } } };
  await assert.rejects(run([say("a", {})], { params }), {
    code: "INPUT_INVALID",
    message: /parameter "n" of the plan is missing/,
  });
  await assert.rejects(
    run([say("a", {})], { params }, { params: { n: "x" } }),
    { code: "INPUT_INVALID", message: /parameter "n" does not fit its schema/ },
  );
  await assert.rejects(
    run([say("a", {})], { params }, { params: { n: 1, m: 2 } }),
    { code: "INPUT_INVALID", message: /no parameter "m"/ },
  );
  await assert.rejects(
    run([say("a", {})], { input: { type: "object", required: ["text"] } }),
    { code: "INPUT_INVALID", message: /the plan's input does not fit/ },
  );
  await assert.rejects(bus.plans.run("nothing"), { code: "PLAN_UNKNOWN" });
  // Whoever submits by hand hears of it by the end of the task.
  const byHand = (given: object) => bus.call("orchestrator.plan.run", given);
  await assert.rejects(
    byHand({ plan: { steps: [{ name: "a", call: "desk.sya" }] } }),
    { code: "PLAN_INVALID" },
  );
  await assert.rejects(byHand({ plan: "nothing" }), { code: "PLAN_UNKNOWN" });
  await assert.rejects(
    bus.ask("orchestrator.plan.run", { plan: { steps: [say("a", {})] } }),
    { message: /by a task that is stored/ },
  );
});
