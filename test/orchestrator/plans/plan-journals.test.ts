// Plans that were under way when Troupe was renewed: the order in which a plan begins operations is a contract. With
// $TROUPE_WRITE_JOURNALS the journals of this version are written beside those of earlier ones.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { checkJournal, toJournalFile, type Agent } from "../../../index.js";
import { act, deskBus, ref, say } from "../../support/desk-bus.js";

const at = deskBus();
const { version } = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
};
const folder = "test/orchestrator/plans/journals";

/** One of each kind of step. */
const steps = [
  act("first"),
  {
    name: "both",
    parallel: [
      say("late", ref("steps.early")),
      say("early", { n: 1 }),
      { name: "apart", steps: [{ name: "v", value: 1 }, say("w", {})] },
    ],
  },
  {
    name: "each",
    map: [1, 2, 3],
    concurrency: 2,
    do: [
      say("in", { n: ref("item") }),
      { name: "out", value: ref("steps.in.n") },
    ],
  },
  { name: "pause", wait: 10, budget: { time: "1m" } },
  {
    name: "flaky",
    call: "desk.flaky",
    input: { name: "f", times: 1 },
    retry: { attempts: 2, first: 1 },
  },
  {
    name: "verdict",
    vote: ["desk.say", "desk.say"],
    input: { is: "good" },
    choice: "is",
  },
  {
    name: "asking",
    when: { eq: [ref("steps.verdict.choice"), "good"] },
    do: [{ name: "ok", approve: "Well?", timeout: "1h" }],
    else: [{ name: "not", wait: { signal: "other" } }],
  },
  { name: "paid", wait: { signal: "paid" } },
];
const budget = { time: "1h", attempts: 50 };

async function record(more: readonly object[]) {
  const task = await at.bus.plans.run({ steps: [...steps, ...more], budget });
  await at.bus.plans.answer(task.id, "ok", { approved: true });
  await task.signal("paid", { euros: 5 });
  await task.result({ timeout: "30s" }).catch(() => undefined);
  return at.bus.journal(task.id);
}

const orchestrator = async () =>
  (await at.bus.orchestrate({ signals: false })).agent as unknown as Agent;

const endings = {
  completed: [],
  decided: [
    {
      name: "quick",
      vote: [
        "desk.say",
        "desk.say",
        { call: "desk.slowly", input: { ms: 1e6 } },
      ],
      input: { is: "good" },
      choice: "is",
    },
    say("after", { is: ref("steps.quick.choice") }),
  ],
  failed: [{ name: "bad", call: "desk.fail", input: { why: "no" } }],
};

describe("journals of plans that earlier versions wrote", () => {
  for (const [name, more] of Object.entries(endings))
    test(`a plan that ${name} goes the same way as ever`, async () => {
      if (process.env["TROUPE_WRITE_JOURNALS"])
        writeFileSync(
          `${folder}/${name}-${version}.json`,
          JSON.stringify(toJournalFile(await record(more)), undefined, 2),
        );
      const files = readdirSync(folder).filter((file) => file.startsWith(name));
      assert.ok(files.length > 0);
      for (const file of files) {
        const text = readFileSync(`${folder}/${file}`, "utf8");
        const { fits, message } = await checkJournal(
          await orchestrator(),
          text,
        );
        assert.ok(fits, `${file}: ${message}`);
      }
    });
});

test("a plan is forked before any of its steps, by its name", async () => {
  const task = await at.bus.plans.run(
    {
      steps: [
        act("one"),
        say("two", { n: ref("input.n"), id: ref("steps.one.id") }),
      ],
    },
    { input: { n: 1 } },
  );
  assert.deepEqual(await task.result(), { n: 1, id: "one-1" });
  const given = (await at.bus.find(task.id))?.input as { plan: unknown };
  const fork = await at.bus.fork(task.id, {
    before: "two",
    input: { ...given, input: { n: 2 } },
  });
  assert.deepEqual(await fork.result(), { n: 2, id: "one-1" });
  assert.deepEqual(at.desk.log, ["do one"]);
});
