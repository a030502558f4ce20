// When tasks that cannot pass now are to come back: one after the other, at about the pace at which they may
// pass, so that a long queue neither comes back all at once nor goes round and round.

const longestLineMs = 15_000;

export class Line {
  #lastAt = 0;

  /** In how many milliseconds the next in line is to come, no sooner than after `waitMs`. */
  join(waitMs: number, spacingMs: number): number {
    const now = performance.now();
    const at = Math.max(now + waitMs, this.#lastAt + spacingMs);
    if (at - now - waitMs > longestLineMs) {
      // Longer than anyone foresees: from here on again, at a random place.
      return waitMs + Math.random() * longestLineMs;
    }
    this.#lastAt = at;
    return at - now;
  }
}
