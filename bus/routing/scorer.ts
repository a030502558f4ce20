// How well plain words fit the skills there are: the seam between routing and whatever understands words.
// The lexical scorer is the default; embeddings take its place by `connect({ scorer })`.

/** What a card says of one skill, to be found by. */
export interface SkillDocument {
  readonly agent: string;
  readonly about: string;
  readonly skill: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
}

/** From 0, nothing in common, to 1, by the number of the document. Those that are left out have 0. */
export type Scores = ReadonlyMap<number, number>;

export interface Scorer {
  /** A skill's card came; one that changes is removed and added again, under another number. */
  add(id: number, document: SkillDocument): void;
  remove(id: number): void;
  score(text: string): Scores | Promise<Scores>;
  /** What is less is taken for no fit at all, where the need does not say otherwise. */
  readonly minScore: number;
}
