// The scorer that needs neither a network nor a model: the words of a request against those of the cards.
//
// A skill is found in two ways. By its vocabulary: how much of the request, its rare words counting most
// (BM25), occurs in the skill's name, tags, description and examples. And by likeness: how near the request is to
// the nearest single example, for who asks like somebody before him most likely means the same.
import type { Scorer, Scores, SkillDocument } from "./scorer.js";
import { Vocabulary } from "./vocabulary.js";
import { wordsOf } from "./words.js";

export interface LexicalWeights {
  name: number;
  tags: number;
  description: number;
  about: number;
  examples: number;
  /** How quickly a word that occurs again adds less. */
  saturation: number;
  /** How much the nearest example counts beside the vocabulary. */
  likeness: number;
}

export const defaultWeights: LexicalWeights = {
  name: 3,
  tags: 2,
  description: 1.5,
  about: 0.5,
  examples: 1,
  saturation: 1.5,
  likeness: 0.5,
};

/** What a skill has of a word. */
interface Posting {
  document: number;
  /** How much it says of it, from 0 to 1. */
  weight: number;
  /** The examples in which it occurs, with their lengths in rarity. */
  examples: readonly Example[];
}

interface Example {
  words: ReadonlySet<string>;
}

interface Known {
  words: ReadonlyMap<string, Posting>;
  examples: readonly Example[];
}

export class LexicalScorer implements Scorer {
  readonly minScore = 0.12;
  readonly #weights: LexicalWeights;
  readonly #documents = new Map<number, Known>();
  readonly #postings = new Map<string, Map<number, Posting>>();
  readonly #vocabulary = new Vocabulary();

  constructor(weights: Partial<LexicalWeights> = {}) {
    this.#weights = { ...defaultWeights, ...weights };
  }

  add(id: number, document: SkillDocument): void {
    const examples = document.examples.map((text) => ({
      words: new Set(wordsOf(text)),
    }));
    const words = new Map<string, Posting>();
    for (const [word, mass] of this.#massesOf(document)) {
      const posting: Posting = {
        document: id,
        weight: mass / (mass + this.#weights.saturation),
        examples: examples.filter((example) => example.words.has(word)),
      };
      words.set(word, posting);
      let list = this.#postings.get(word);
      if (!list) this.#postings.set(word, (list = new Map()));
      list.set(id, posting);
      this.#vocabulary.add(word);
    }
    this.#documents.set(id, { words, examples });
  }

  remove(id: number): void {
    const known = this.#documents.get(id);
    this.#documents.delete(id);
    for (const word of known?.words.keys() ?? []) {
      const list = this.#postings.get(word);
      list?.delete(id);
      if (list?.size === 0) this.#postings.delete(word);
      this.#vocabulary.remove(word);
    }
  }

  score(text: string): Scores {
    const words = this.#known(wordsOf(text));
    const total = [...words].reduce((sum, [, { rarity }]) => sum + rarity, 0);
    const covered = new Map<number, number>();
    const likeness = new Map<Example, number>();
    const nearest = new Map<number, number>();
    for (const [word, { rarity, trust }] of words)
      for (const posting of this.#postings.get(word)?.values() ?? []) {
        const gain = rarity * trust;
        const { document, weight, examples } = posting;
        covered.set(document, (covered.get(document) ?? 0) + gain * weight);
        for (const example of examples) {
          const shared = (likeness.get(example) ?? 0) + gain;
          likeness.set(example, shared);
          const near = shared / Math.sqrt(total * this.#massOf(example));
          if (near > (nearest.get(document) ?? 0)) nearest.set(document, near);
        }
      }
    const share = this.#weights.likeness;
    const scores = new Map<number, number>();
    for (const [document, sum] of covered)
      scores.set(
        document,
        ((1 - share) * sum) / total + share * (nearest.get(document) ?? 0),
      );
    return scores;
  }

  /** The request's words, each with how rare it is and, where it was mended, how far it is trusted. */
  #known(
    words: readonly string[],
  ): Map<string, { rarity: number; trust: number }> {
    const known = new Map<string, { rarity: number; trust: number }>();
    for (const word of words) {
      const near = this.#vocabulary.nearest(word);
      const trust = near === word ? 1 : 0.7;
      known.set(near ?? word, { rarity: this.#rarity(near ?? word), trust });
    }
    return known;
  }

  #rarity(word: string): number {
    const count = this.#documents.size;
    const having = this.#postings.get(word)?.size ?? 0;
    return Math.log(1 + (count - having + 0.5) / (having + 0.5));
  }

  #massOf({ words }: Example): number {
    let mass = 0;
    for (const word of words) mass += this.#rarity(word);
    return mass;
  }

  #massesOf(document: SkillDocument): Map<string, number> {
    const { name, tags, description, about, examples } = this.#weights;
    const masses = new Map<string, number>();
    const count = (text: string, weight: number) => {
      for (const word of wordsOf(text))
        masses.set(word, (masses.get(word) ?? 0) + weight);
    };
    count(document.skill, name);
    count(document.agent, name / 2);
    count(document.description, description);
    count(document.about, about);
    for (const tag of document.tags) count(tag, tags);
    for (const example of document.examples) count(example, examples);
    return masses;
  }
}
