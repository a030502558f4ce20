// The words that occur in the cards, and for one that does not the nearest that does: one typing mistake away.
// Each word is known by what is left of it when a letter is taken out, so that nothing has to be searched.

/** Of shorter words, a mistake leaves too little to tell what was meant. */
const shortest = 5;

export class Vocabulary {
  readonly #counts = new Map<string, number>();
  readonly #byRest = new Map<string, Set<string>>();

  add(word: string): void {
    const count = this.#counts.get(word) ?? 0;
    this.#counts.set(word, count + 1);
    if (count > 0 || word.length < shortest - 1) return;
    for (const rest of restsOf(word)) {
      const words = this.#byRest.get(rest) ?? new Set<string>();
      this.#byRest.set(rest, words.add(word));
    }
  }

  remove(word: string): void {
    const count = this.#counts.get(word) ?? 0;
    if (count > 1) return void this.#counts.set(word, count - 1);
    this.#counts.delete(word);
    for (const rest of restsOf(word)) {
      const words = this.#byRest.get(rest);
      words?.delete(word);
      if (words?.size === 0) this.#byRest.delete(rest);
    }
  }

  /** The word itself where it is known; undefined where nothing is near. */
  nearest(word: string): string | undefined {
    if (this.#counts.has(word)) return word;
    if (word.length < shortest) return undefined;
    let best: string | undefined;
    let most = 0;
    for (const rest of restsOf(word))
      for (const candidate of this.#byRest.get(rest) ?? []) {
        const count = this.#counts.get(candidate)!;
        if (candidate[0] !== word[0] || count <= most) continue;
        best = candidate;
        most = count;
      }
    return best;
  }
}

/** The word, and the word without each of its letters: words one mistake apart have one of these in common. */
function restsOf(word: string): Set<string> {
  const rests = new Set([word]);
  for (let at = 0; at < word.length; at++)
    rests.add(word.slice(0, at) + word.slice(at + 1));
  return rests;
}
