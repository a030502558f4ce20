// The scorer that needs neither a network nor a model: BM25 over the fields of the cards. What counts is how
// much of the request, its rare words most, occurs in a skill's name, tags, description and examples, as single
// words and as pairs of neighbours. Words with a typing mistake are read as the nearest word of the cards.
//
// The figures were tuned on one half of bench/routing and are on a plateau: none of them matters much.
import type { Scorer, Scores, SkillDocument } from "./scorer.js";
import { Vocabulary } from "./vocabulary.js";
import { pairsOf, wordsOf } from "./words.js";

const fieldWeights = {
  skill: 2,
  agent: 1,
  tags: 3,
  description: 1.5,
  about: 0.5,
  examples: 1,
} as const;
const pairWeight = 0.4;
/** What a word that was mended counts, and what one that no card has counts against all of them. */
const mendedWeight = 0.8;
/** Where it is one of those that every request has, whatever is meant. */
const smallWeight = 0.2;
const smallWords = new Set(
  wordsOf(
    "a about all an and any are as at be but by can could did do does for from get give go had has have he her him " +
      "his how i if in into is it its just know let like make may me might my need no not now of on one or our out " +
      "please put she should so some than that the their them then there these they this those to too up us want " +
      "was we were what when where which who why will with would you your",
  ),
);
/** A card that says more is not found any better by it, and would cost every caller. */
const maxTexts = 200;
/** Where there are fewer skills, a word counts as rare as if there were so many. */
const fewSkills = 50;
/** BM25's k1 and b: how soon a word that occurs again adds nothing, and how much a long card is held against it. */
const saturation = 1.2;
const lengthShare = 0.5;

/** The skills that say a word or a pair. A skill has a slot for as long as it is there. */
interface Postings {
  /** How much each says of it, by its slot. */
  masses: Map<number, number>;
  /** The same as a request counts it, made when it is first needed after a change of any card. */
  gains: { slots: Uint32Array; gains: Float64Array; of: number } | undefined;
}

interface Known {
  slot: number;
  masses: ReadonlyMap<string, number>;
  length: number;
}

export class LexicalScorer implements Scorer {
  readonly minScore = 0.1;
  readonly #documents = new Map<number, Known>();
  readonly #postings = new Map<string, Postings>();
  readonly #vocabulary = new Vocabulary();
  /** By slot. */
  readonly #lengths: number[] = [];
  readonly #freeSlots: number[] = [];
  #sums = new Float64Array(64);
  #totalLength = 0;
  #changes = 0;

  add(id: number, document: SkillDocument): void {
    const masses = massesOf(document);
    const slot = this.#freeSlots.pop() ?? this.#lengths.length;
    let length = 0;
    for (const [term, mass] of masses) {
      length += mass;
      let postings = this.#postings.get(term);
      if (!postings) {
        postings = { masses: new Map(), gains: undefined };
        this.#postings.set(term, postings);
      }
      postings.masses.set(slot, mass);
      if (!isPair(term)) this.#vocabulary.add(term);
    }
    this.#lengths[slot] = length;
    this.#documents.set(id, { slot, masses, length });
    this.#totalLength += length;
    this.#changes++;
    if (this.#sums.length <= slot)
      this.#sums = new Float64Array(this.#sums.length * 2);
  }

  remove(id: number): void {
    const known = this.#documents.get(id);
    if (!known) return;
    this.#documents.delete(id);
    this.#freeSlots.push(known.slot);
    this.#totalLength -= known.length;
    this.#changes++;
    for (const term of known.masses.keys()) {
      const postings = this.#postings.get(term);
      postings?.masses.delete(known.slot);
      if (postings?.masses.size === 0) this.#postings.delete(term);
      if (!isPair(term)) this.#vocabulary.remove(term);
    }
  }

  score(text: string): Scores {
    const sums = this.#sums.fill(0);
    let most = 0;
    for (const [term, share] of this.#termsOf(text)) {
      const postings = this.#postings.get(term);
      const worth = share * this.#rarity(postings?.masses.size ?? 0);
      most += worth;
      if (!postings) continue;
      const { slots, gains } = this.#gainsOf(postings);
      for (let at = 0; at < slots.length; at++)
        sums[slots[at]!]! += worth * gains[at]!;
    }
    const scores = new Map<number, number>();
    for (const [id, { slot }] of this.#documents) {
      const sum = sums[slot]!;
      if (sum > 0) scores.set(id, sum / most);
    }
    return scores;
  }

  #gainsOf(postings: Postings): NonNullable<Postings["gains"]> {
    if (postings.gains?.of === this.#changes) return postings.gains;
    const average = this.#totalLength / this.#documents.size;
    const slots = Uint32Array.from(postings.masses.keys());
    const gains = Float64Array.from(postings.masses, ([slot, mass]) => {
      const length = this.#lengths[slot]!;
      const against = 1 - lengthShare + (lengthShare * length) / average;
      return mass / (mass + saturation * against);
    });
    return (postings.gains = { slots, gains, of: this.#changes });
  }

  /** What the request says, each with how much it counts. */
  #termsOf(text: string): Map<string, number> {
    const terms = new Map<string, number>();
    const words = wordsOf(text).map((word) => {
      const near = this.#vocabulary.nearest(word);
      terms.set(near ?? word, weightOf(word, near));
      return near ?? word;
    });
    for (const pair of pairsOf(words))
      if (this.#postings.has(pair)) terms.set(pair, pairWeight);
    return terms;
  }

  #rarity(having: number): number {
    const count = Math.max(this.#documents.size, fewSkills);
    return Math.log(1 + (count - having + 0.5) / (having + 0.5));
  }
}

function weightOf(word: string, near: string | undefined): number {
  if (near === word) return 1;
  return near === undefined && smallWords.has(word)
    ? smallWeight
    : mendedWeight;
}

const isPair = (term: string): boolean => term.includes(" ");

function massesOf(document: SkillDocument): Map<string, number> {
  const masses = new Map<string, number>();
  const count = (term: string, weight: number) =>
    masses.set(term, (masses.get(term) ?? 0) + weight);
  for (const field of Object.keys(
    fieldWeights,
  ) as (keyof typeof fieldWeights)[])
    for (const text of [document[field]].flat().slice(0, maxTexts)) {
      const words = wordsOf(text);
      for (const word of words) count(word, fieldWeights[field]);
      for (const pair of pairsOf(words))
        count(pair, fieldWeights[field] * pairWeight);
    }
  return masses;
}
