// The routing benchmark's set is fair, and the scorer does not fall behind what it once reached.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  measureAccuracy,
  measureSpeed,
} from "../../../bench/routing/measure.js";
import {
  benchmarkCards,
  halfOf,
  halves,
  requestsOf,
} from "../../../bench/routing/set.js";

const cards = benchmarkCards();
const skills = cards.flatMap(({ name, skills: all }) =>
  all.map(({ id }) => `${name}.${id}`),
);

test("the set has enough agents, skills and requests, and each request a skill that is there", () => {
  assert.ok(cards.length >= 20);
  assert.ok(skills.length >= 48);
  const all = halves.flatMap(requestsOf);
  assert.ok(all.length >= 360);
  assert.equal(new Set(all.map(({ text }) => text)).size, all.length);
  for (const { skill, text } of all) assert.ok(skills.includes(skill), text);
  assert.deepEqual(new Set(all.map(({ skill }) => skill)), new Set(skills));
});

test("a hash decides in which half a request is, and none is an example of a card", () => {
  const examples = new Set(
    cards.flatMap((card) => card.skills.flatMap((each) => each.examples)),
  );
  for (const half of halves)
    for (const { text } of requestsOf(half)) {
      assert.equal(halfOf(text), half, text);
      assert.ok(!examples.has(text), text);
    }
});

test("the lexical scorer finds the skill that is meant for most requests, also of the half it was not tuned on", () => {
  assert.ok(measureAccuracy("tuned").top1 > 0.9);
  const untuned = measureAccuracy("untuned");
  assert.ok(untuned.top1 > 0.82, String(untuned.top1));
  assert.ok(untuned.top3 > 0.92, String(untuned.top3));
});

test("a decision among 500 agents is quick", async () => {
  const { p50Ms } = await measureSpeed({ agents: 500, decisions: 300 });
  assert.ok(p50Ms < 5, `${p50Ms} ms`); // a loaded machine; the benchmark itself says how quick
});
