// Orchestrators killed -9 in the midst of plans: others go on where those stood. What a plan calls is called once,
// and its result is that of a run in which nobody died. $TROUPE_PLAN_KILLS says how often all are killed.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Bus, TaskHandle } from "../../index.js";
import { Desk } from "../support/desk.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { startOrchestrator } from "../support/orchestrators.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const kills = Number(process.env["TROUPE_PLAN_KILLS"] ?? 2);
const ref = (text: string) => ({ ref: text });

const act = (name: string, what: unknown = name) => ({
  name,
  call: "desk.do",
  input: { what, ms: 60 },
  undo: { call: "desk.undo", input: { id: ref(`steps.${name}.id`) } },
});

/** Every kind of step, each call with an effect. */
const steps = [
  act("first"),
  { name: "both", parallel: [act("left"), act("right", ref("steps.left.id"))] },
  { name: "pause", wait: "1200ms" },
  {
    name: "each",
    map: ["x", "y", "z"],
    concurrency: 2,
    do: [act("item", ref("item"))],
  },
  {
    name: "verdict",
    vote: ["desk.do", "desk.do", { call: "desk.slowly", input: { ms: 1e6 } }],
    input: { what: "ballot", ms: 60 },
    choice: "id",
  },
  { name: "ok", approve: ref("steps.verdict.choice"), timeout: "1h" },
  {
    name: "last",
    when: { eq: [ref("steps.ok.approved"), true] },
    do: [act("yes")],
    else: [act("no")],
  },
];

const effects = [
  "ballot",
  "ballot",
  "first",
  "left",
  "left-1",
  "x",
  "y",
  "yes",
  "z",
];

async function setUp(t: TestContext) {
  const bus = await shared.connect(t);
  const desk = new Desk();
  await bus.serve(desk.agent, quiet);
  const { url, namespace } = bus;
  const start = () => startOrchestrator(t, { url, namespace, ackWait: "1s" });
  let living = [await start()];
  /** All of them, in the midst of what they do; and others come. */
  const killAll = async () => {
    await Promise.all(living.map((each) => each.kill()));
    living = [await start()];
  };
  const killOne = async () => {
    const victim = living.shift()!;
    await victim.kill();
    living.push(await start());
  };
  const startAnother = async () => void living.push(await start());
  return { bus, desk, killAll, killOne, startAnother };
}

/** Kills all as often as asked, each time when something more was done. */
async function killing(
  desk: Desk,
  killAll: () => Promise<void>,
  most: number,
): Promise<void> {
  for (let round = 0, seen = 0; round < kills && seen < most; round++) {
    await eventually(() => desk.log.length > seen, { timeoutMs: 60_000 });
    seen = desk.log.length;
    await killAll();
  }
}

const answer = (bus: Bus, task: TaskHandle) =>
  bus.plans.answer(task.id, "ok", { approved: true, by: "ann" });

test("a plan whose orchestrators are killed again and again calls everything once and gives the same result", async (t) => {
  const { bus, desk, killAll } = await setUp(t);
  const output = {
    each: ref("steps.each"),
    verdict: ref("steps.verdict"),
    last: ref("steps.last"),
    right: ref("steps.right"),
  };
  const calm = await bus.plans.run({ steps, output });
  await answer(bus, calm);
  const wanted = await calm.result();
  assert.deepEqual(desk.done(), effects);
  desk.forget();

  const task = await bus.plans.run({ steps, output });
  await killing(desk, killAll, effects.length - 1);
  await answer(bus, task);
  await killAll();
  assert.deepEqual(await task.result({ timeout: "2m" }), wanted);
  assert.deepEqual(desk.done(), effects);
  // Who was not waited for was canceled, whoever died over that.
  await eventually(async () => {
    const tasks = await bus.tasks({ agent: "desk", limit: 100 });
    const slow = tasks.filter(({ skill }) => skill === "slowly");
    return slow.length === 2 && slow.every(({ state }) => state === "canceled");
  });
});

test("a plan that fails is undone once and in reverse order, whoever dies meanwhile", async (t) => {
  const { bus, desk, killAll } = await setUp(t);
  const acts = ["a", "b", "c", "d", "e"];
  const task = await bus.plans.run({
    steps: [
      ...acts.map((name) => act(name)),
      { name: "bad", call: "desk.fail", input: { why: "no" } },
    ],
  });
  await killing(desk, killAll, acts.length * 2 - 1);
  await assert.rejects(task.result({ timeout: "2m" }), {
    code: "HANDLER_REFUSED",
    message: /step "bad" failed: no/,
  });
  assert.deepEqual(desk.log, [
    ...acts.map((name) => `do ${name}`),
    ...acts.toReversed().map((name) => `undo ${name}-1`),
  ]);
});

test("undos that take long are each called once, whoever dies while they are at work", async (t) => {
  const { bus, desk, killAll } = await setUp(t);
  const acts = ["a", "b"].map((name) => {
    const { undo, ...does } = act(name);
    return { ...does, undo: { ...undo, input: { ...undo.input, ms: 2_500 } } };
  });
  const bad = { name: "bad", call: "desk.fail", input: { why: "no" } };
  const task = await bus.plans.run({ steps: [...acts, bad] });
  const waitsFor = async () => (await bus.find(task.id))?.waitsFor ?? "";
  for (const name of ["b", "a"]) {
    const isAtWork = async () => (await waitsFor()).includes(`~undo~${name}"`);
    await eventually(isAtWork, { timeoutMs: 60_000 });
    await killAll();
  }
  await assert.rejects(task.result({ timeout: "2m" }), {
    code: "HANDLER_REFUSED",
  });
  const undone = ["undo b-1", "undo a-1"];
  assert.deepEqual(desk.log, ["do a", "do b", ...undone]);
});

test("of many plans, while one of two orchestrators is killed again and again, all end as they would have", async (t) => {
  const { bus, desk, startAnother, killOne } = await setUp(t);
  await startAnother();
  const many = kills * 15;
  const tasks = await Promise.all(
    Array.from({ length: many }, (_, at) =>
      bus.plans.run({
        steps: [
          act("first", `${at}a`),
          {
            name: "each",
            map: ["b", "c", "d"],
            do: [act("item", { template: `${at}\${item}` })],
          },
          ...(at % 5 === 0
            ? [{ name: "bad", call: "desk.fail", input: { why: "no" } }]
            : [{ name: "end", value: at }]),
        ],
      }),
    ),
  );
  for (let round = 1; round <= kills; round++) {
    const so = Math.floor((many * 4 * round) / (kills + 2));
    await eventually(() => desk.done().length >= so, { timeoutMs: 60_000 });
    await killOne();
  }
  for (const [at, task] of tasks.entries()) {
    const result = task.result({ timeout: "3m" });
    if (at % 5 === 0)
      await assert.rejects(result, { code: "HANDLER_REFUSED" }, `${at}`);
    else assert.equal(await result, at);
  }
  const letters = ["a", "b", "c", "d"];
  const wanted = tasks.flatMap((_, at) =>
    letters.map((each) => `${at}${each}`),
  );
  assert.deepEqual(desk.done(), wanted.sort());
  for (let at = 0; at < many; at += 5) {
    const undone = desk.log.filter((line) =>
      new RegExp(`^undo ${at}[a-d]-1$`).test(line),
    );
    assert.equal(undone.length, 4, undone.join());
    assert.equal(undone.at(-1), `undo ${at}a-1`);
  }
  t.diagnostic(`${many} plans, ${kills} orchestrators killed`);
});
