// Splits free slots among priority levels: smooth weighted round-robin, so that levels with a backlog share
// 8:4:2:1 whatever the number of slots, even one at a time, and every level makes progress (R6).
//
// 1. A level that wants nothing gets nothing and saves nothing up.
// 2. All slots are given while any level wants them.

export class CreditSplitter {
  readonly #weights: readonly number[];
  readonly #balance: number[];

  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#balance = weights.map(() => 0);
  }

  /** How many of `free` slots each level gets; `wants[i]` caps level i. */
  split(free: number, wants: readonly number[]): number[] {
    const given = wants.map(() => 0);
    for (; free > 0; free--) {
      const next = this.#next(given, wants);
      if (next === -1) break;
      given[next]!++;
    }
    return given;
  }

  #next(given: readonly number[], wants: readonly number[]): number {
    let best = -1;
    let total = 0;
    for (let level = 0; level < wants.length; level++) {
      if (given[level]! >= wants[level]!) {
        if (wants[level] === 0) this.#balance[level] = 0;
        continue;
      }
      const weight = this.#weights[level]!;
      total += weight;
      this.#balance[level]! += weight;
      if (best === -1 || this.#balance[level]! > this.#balance[best]!)
        best = level;
    }
    if (best !== -1) this.#balance[best]! -= total;
    return best;
  }
}
