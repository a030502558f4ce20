import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LexicalScorer } from "../../../bus/routing/lexical.js";
import type { SkillDocument } from "../../../bus/routing/scorer.js";
import { pairsOf, wordsOf } from "../../../bus/routing/words.js";
import { Vocabulary } from "../../../bus/routing/vocabulary.js";

const document = (skill: string, more: Partial<SkillDocument> = {}) => ({
  agent: "helper",
  about: "",
  skill,
  description: "",
  tags: [],
  examples: [],
  ...more,
});
const documents = [
  document("summarize", { tags: ["shorten"], description: "Condenses a text" }),
  document("shoppingList", { examples: ["put milk on the shopping list"] }),
  document("unsubscribe", { tags: ["mailing list", "newsletter"] }),
];

function scorerOf(all: readonly SkillDocument[]): LexicalScorer {
  const scorer = new LexicalScorer();
  all.forEach((each, id) => scorer.add(id, each));
  return scorer;
}

function best(scorer: LexicalScorer, text: string): number | undefined {
  const scores = [...scorer.score(text)];
  return scores.sort((one, other) => other[1] - one[1])[0]?.[0];
}

test("a request finds the skill with whose words it has most in common, whatever their form", () => {
  const scorer = scorerOf(documents);
  assert.equal(best(scorer, "SHORTENING texts"), 0);
  assert.equal(best(scorer, "the shopping list"), 1);
  assert.equal(best(scorer, "get me off that mailing list"), 2);
  assert.equal(best(scorer, "quantum"), undefined);
});

test("a word with one typing mistake is read as the nearest word of the cards", () => {
  const scorer = scorerOf(documents);
  for (const text of ["newslettr", "newslettter", "newsleter", "newslettre"])
    assert.equal(best(scorer, text), 2, text);
  assert.equal(best(scorer, "mlik"), undefined, "too short to tell");
});

test("names are split at humps and underscores, accents and capitals do not count", () => {
  assert.deepEqual(wordsOf("makeCoffee_now Crème"), [
    "make",
    "coffe",
    "now",
    "creme",
  ]);
  assert.deepEqual(wordsOf("don't"), ["dont"]);
  assert.deepEqual(wordsOf("погода 東京"), ["погода", "東京"]);
  assert.deepEqual(pairsOf(["a", "b", "c"]), ["a b", "b c"]);
  assert.deepEqual(pairsOf([]), []);
  assert.equal(wordsOf("word ".repeat(10_000)).length, 200);
});

test("neither a card nor a request of any size costs more than a moment", () => {
  const startedAt = performance.now();
  const scorer = scorerOf(documents);
  const blob = "A1".repeat(500_000);
  const many = Array.from({ length: 10_000 }, (_, at) => `tag${at} ${blob}`);
  scorer.add(9, document("huge", { tags: many, description: blob }));
  for (const text of [blob, `${blob} newsletter`, "b".repeat(1_000_000)])
    assert.equal(best(scorer, text), undefined);
  assert.equal(best(scorer, `newsletter ${blob}`), 2);
  assert.ok(performance.now() - startedAt < 10_000);
});

test("what was removed is forgotten: the scores are those of a scorer that never knew it", () => {
  const scorer = scorerOf(documents);
  scorer.add(7, document("translate", { tags: ["list", "text"] }));
  scorer.remove(7);
  scorer.remove(99);
  const fresh = scorerOf(documents);
  for (const text of ["a list of texts", "translate this", "newslettr"])
    assert.deepEqual(scorer.score(text), fresh.score(text));
});

test("scores are from 0 to 1 for any cards and any request", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("a list", "text text", "Ünï"),
  );
  const arbitrary = fc.record({
    agent: text,
    about: text,
    skill: text,
    description: text,
    tags: fc.array(text),
    examples: fc.array(text),
  });
  fc.assert(
    fc.property(fc.array(arbitrary), text, (all, request) => {
      for (const score of scorerOf(all).score(request).values())
        assert.ok(score > 0 && score <= 1, String(score));
    }),
    { numRuns: 200 },
  );
});

test("a vocabulary knows a word for as long as some card has it", () => {
  const words = new Vocabulary();
  words.add("invoice");
  words.add("invoice");
  words.remove("invoice");
  assert.equal(words.nearest("invoise"), "invoice");
  words.remove("invoice");
  assert.equal(words.nearest("invoise"), undefined);
});
