// What it costs to have messages stored and synced, each alone or all as a batch. It depends on the disk: where a sync
// takes a tenth of a millisecond a dozen go alone as quickly as in a batch, which costs the server files of its own; where
// it takes ten, two are better off in a batch. So it is learned from what was sent lately.
//
// Who never is chosen would never be measured again, and one slow moment would decide for ever. So each becomes a little
// cheaper in our eyes whenever the other is chosen.

const weight = 0.2;
const forgets = 0.99;

export class SyncCosts {
  /** Of one message among several that went alone at the same time. Few are sent alone until it is known. */
  #aloneMs = 0.25;
  /** Of a whole batch. */
  #batchMs = 1;
  #knowsAlone = false;
  #knowsBatch = false;

  prefersBatch(count: number): boolean {
    const prefers = count * this.#aloneMs > this.#batchMs;
    if (prefers) this.#aloneMs *= forgets;
    else this.#batchMs *= forgets;
    return prefers;
  }

  /** So many that were sent at the same time were all stored after so long. */
  sawAlone(count: number, tookMs: number): void {
    const eachMs = tookMs / count;
    this.#aloneMs = this.#knowsAlone ? between(this.#aloneMs, eachMs) : eachMs;
    this.#knowsAlone = true;
  }

  sawBatch(tookMs: number): void {
    this.#batchMs = this.#knowsBatch ? between(this.#batchMs, tookMs) : tookMs;
    this.#knowsBatch = true;
  }
}

const between = (known: number, seen: number): number =>
  known + weight * (seen - known);
