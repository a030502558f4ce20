import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Candidate } from "../../../bus/routing/candidate.js";
import { decide, firstOf } from "../../../bus/routing/decision.js";
import { Lane } from "../../../bus/routing/lane.js";
import { byRank, choose, Memory } from "../../../bus/routing/strategies.js";
import type { InstanceCard } from "../../../protocol/card.js";
import type { Need } from "../../../protocol/need.js";

const skill = {
  id: "do",
  name: "do",
  description: "",
  tags: [],
  examples: [],
  inputSchema: {},
};

function candidate(
  agent: string,
  instances: Partial<InstanceCard>[] = [{}],
  more: { version?: string; lane?: string; score?: number } = {},
): Candidate {
  const { version = "1.0.0", lane: name = "main", score = 1 } = more;
  const card = {
    name: agent,
    description: "",
    version,
    lane: name,
    labels: {},
    skills: [skill],
  };
  const cards = instances.map((each, at): [string, InstanceCard] => [
    String(at),
    {
      agent,
      instance: String(at),
      version,
      lane: name,
      card: "",
      skills: ["do"],
      labels: {},
      weight: 1,
      state: "ready",
      concurrency: 10,
      running: 0,
      done: 0,
      failed: 0,
      startedAt: "",
      pid: 1,
      ...each,
    },
  ]);
  return { lane: new Lane(card, new Map(cards)), skill, score };
}

function chooser(candidates: Candidate[], need: Omit<Need, "skill">) {
  const memory = new Memory();
  return (context?: string, peek = false): string =>
    choose(candidates, { need, context, memory, peek }).chosen.lane.agent;
}

const times = <Item>(count: number, of: () => Item): Item[] =>
  Array.from({ length: count }, () => of());

test("weights are kept smoothly, and a weight of 0 gets nothing", () => {
  const all = [
    candidate("a", [{ weight: 2 }, { weight: 3 }]),
    candidate("b"),
    candidate("c", [{ weight: 0 }]),
  ];
  const next = chooser(all, { prefer: "weighted" });
  assert.equal(times(6, next).join(""), "aaabaa");
  const given = chooser(all, {
    prefer: "weighted",
    weights: { a: 0, b: 1, c: 1 },
  });
  assert.equal(times(4, given).join(""), "bcbc");
});

test("round-robin is by need, and a peek takes nobody's turn", () => {
  const next = chooser([candidate("b"), candidate("a")], {
    prefer: "round-robin",
  });
  assert.equal(next(undefined, true), "a");
  assert.equal(times(4, next).join(""), "abab");
});

test("least-loaded counts what was sent since the last heartbeat", () => {
  const busy = candidate("busy", [{ running: 5 }]);
  const calm = candidate("calm", [{ running: 1 }]);
  const next = chooser([busy, calm], { prefer: "least-loaded" });
  assert.equal(times(4, next).join(), "calm,calm,calm,calm");
  assert.ok(times(4, next).includes("busy"), "calm is as busy by now");
});

test("of contexts that stick, only those move whose place is gone", () => {
  const all = ["a", "b", "c", "d"].map((agent) => candidate(agent));
  const contexts = times(400, () => String(Math.random()));
  const before = chooser(all, { prefer: "sticky" });
  const after = chooser(all.slice(0, 3), { prefer: "sticky" });
  let moved = 0;
  for (const context of contexts) {
    const was = before(context);
    if (was === "d") moved++;
    else assert.equal(after(context), was);
  }
  assert.ok(moved > 50 && moved < 150, `${moved} of 400`);
});

test("fastest tries who has no latency yet, then takes the quickest", () => {
  const slow = candidate("slow", [{ latencyMs: 90 }]);
  const quick = candidate("quick", [{ latencyMs: 9 }, {}]);
  const fresh = candidate("fresh");
  assert.equal(chooser([slow, quick, fresh], { prefer: "fastest" })(), "fresh");
  assert.equal(chooser([slow, quick], { prefer: "fastest" })(), "quick");
});

test("the better fit is first, then who lives, the lane main, the newer version, the name", () => {
  const ranked = [
    candidate("z", [{}], { score: 0.9 }),
    candidate("b", [{}], { score: 0.5, version: "2.0.0" }),
    candidate("a", [{}], { score: 0.5 }),
    candidate("c", [{}], { score: 0.5 }),
    candidate("a", [{}], { score: 0.5, lane: "next", version: "9.0.0" }),
    candidate("a", [], { score: 0.5, lane: "gone", version: "9.9.9" }),
  ];
  const shuffled = fc.shuffledSubarray(ranked, { minLength: ranked.length });
  fc.assert(
    fc.property(shuffled, fc.integer({ min: 1, max: 6 }), (all, count) => {
      assert.deepEqual([...all].sort(byRank), ranked);
      assert.deepEqual(firstOf(all, count), ranked.slice(0, count));
    }),
  );
});

test("who has an open breaker is passed over while another fits, and taken where none does", () => {
  const failing = candidate("failing", [{ shut: ["do"] }], { score: 0.9 });
  const working = candidate("working", [{ shut: ["else"] }], { score: 0.8 });
  const chosenOf = (possible: Candidate[]) =>
    decide(possible, {
      need: { skill: "do" },
      context: undefined,
      memory: new Memory(),
      peek: false,
      lane: undefined,
      minScore: 0,
    }).route?.agent;
  assert.equal(chosenOf([failing, working]), "working");
  assert.equal(chosenOf([failing]), "failing");
});

test("paused and draining instances are no candidates, and the reason says so", () => {
  const possible = [candidate("a", [{ state: "paused" }])];
  const need = { skill: "do" };
  const decision = decide(possible, {
    need,
    context: undefined,
    memory: new Memory(),
    peek: false,
    lane: undefined,
    minScore: 0,
  });
  assert.ok(!decision.route);
  assert.equal(decision.refusals[0]?.why, "its instances are paused");
});
