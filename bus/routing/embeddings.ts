// The other way to understand plain words: vectors, from whatever model the user has. What a card says is
// embedded once, when it is first needed; a request costs one call of the model and a cosine for each text.
import { TroupeError, messageOf } from "../../protocol/errors.js";
import { LexicalScorer } from "./lexical.js";
import type { Scorer, Scores, SkillDocument } from "./scorer.js";

export interface EmbeddingOptions {
  /** One vector for each text, all of the same length. */
  embed(texts: string[]): Promise<ArrayLike<number>[]>;
  /** How much the words themselves count beside the vectors, from 0 to 1. Default 0.3. */
  words?: number;
  /** What is less is taken for no fit, where the need does not say otherwise. Default 0.2. */
  minScore?: number;
}

type Vector = ArrayLike<number>;

/** For `connect({ scorer: embeddingScorer({ embed }) })`. */
export function embeddingScorer(options: EmbeddingOptions): Scorer {
  return new EmbeddingScorer(options);
}

class EmbeddingScorer implements Scorer {
  readonly minScore: number;
  readonly #options: EmbeddingOptions;
  readonly #wordShare: number;
  readonly #lexical = new LexicalScorer();
  /** Not yet embedded. */
  readonly #waiting = new Map<number, readonly string[]>();
  readonly #vectors = new Map<number, readonly Vector[]>();

  constructor(options: EmbeddingOptions) {
    this.#options = options;
    this.#wordShare = options.words ?? 0.3;
    this.minScore = options.minScore ?? 0.2;
  }

  add(id: number, document: SkillDocument): void {
    this.#lexical.add(id, document);
    this.#waiting.set(id, textsOf(document));
  }

  remove(id: number): void {
    this.#lexical.remove(id);
    this.#waiting.delete(id);
    this.#vectors.delete(id);
  }

  async score(text: string): Promise<Scores> {
    const waiting = [...this.#waiting];
    const texts = waiting.flatMap(([, each]) => each);
    const [wanted, ...vectors] = await this.#embed([text, ...texts]);
    for (const [id, each] of waiting) {
      const own = vectors.splice(0, each.length);
      if (this.#waiting.get(id) !== each) continue; // it went, or changed, meanwhile
      this.#waiting.delete(id);
      this.#vectors.set(id, own.map(unit));
    }
    return this.#compare(unit(wanted!), this.#lexical.score(text));
  }

  #compare(wanted: Vector, byWords: Scores): Scores {
    const scores = new Map<number, number>();
    for (const [id, vectors] of this.#vectors) {
      const cosine = Math.max(0, ...vectors.map((each) => dot(wanted, each)));
      const words = byWords.get(id) ?? 0;
      scores.set(
        id,
        Math.min(1, (1 - this.#wordShare) * cosine + this.#wordShare * words),
      );
    }
    return scores;
  }

  async #embed(texts: string[]): Promise<Vector[]> {
    let vectors: Vector[];
    try {
      vectors = await this.#options.embed(texts);
    } catch (cause) {
      throw failed(messageOf(cause), cause);
    }
    const length = vectors[0]?.length ?? 0;
    if (
      vectors.length === texts.length &&
      length > 0 &&
      vectors.every((vector) => vector.length === length)
    )
      return vectors;
    throw failed(
      `embed() was given ${texts.length} texts and answered ${vectors.length} vectors, not all of one length`,
    );
  }
}

function failed(why: string, cause?: unknown): TroupeError {
  return new TroupeError(
    "BUS_FAILED",
    `plain words could not be embedded: ${why}. Name the skill, or mend the scorer that connect() was given`,
    cause === undefined ? {} : { cause },
  );
}

/** Each may be what the request is like. */
function textsOf(document: SkillDocument): readonly string[] {
  const { skill, description, tags, examples } = document;
  return [`${skill}: ${description} (${tags.join(", ")})`, ...examples];
}

function dot(one: Vector, other: Vector): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += one[at]! * other[at]!;
  return sum;
}

function unit(vector: Vector): Vector {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return Float32Array.from(vector, (value) => value / length);
}
