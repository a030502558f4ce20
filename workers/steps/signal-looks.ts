// Looks for signals that were heard of, one look at a time: what is heard meanwhile is looked for together with the next.
// One that is heard of may not be stored yet, or be refused, so that it is looked for again after longer and longer.

/** After so many pauses it is taken to have been refused. */
const pausesMs = [0, 2, 8, 32, 128, 512];

export class SignalLooks {
  readonly #look: () => Promise<void>;
  readonly #isThere: (id: string) => boolean;
  /** By id: how often it was looked for. */
  readonly #heardOf = new Map<string, number>();
  #due = false;
  #looking = false;

  constructor(look: () => Promise<void>, isThere: (id: string) => boolean) {
    this.#look = look;
    this.#isThere = isThere;
  }

  /** Once, or until it is there. Rejects where it could not be looked; then it is when the next is heard of. */
  async heard(id?: string): Promise<void> {
    if (id !== undefined) this.#heardOf.set(id, 0);
    this.#due = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#due || this.#heardOf.size > 0) await this.#next();
    } finally {
      this.#looking = false;
    }
  }

  /** Nothing more is looked for. */
  stop(): void {
    this.#heardOf.clear();
  }

  async #next(): Promise<void> {
    const pauseMs = this.#due ? 0 : this.#pauseMs();
    if (pauseMs > 0)
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.#due = false;
    await this.#look();
    for (const [id, looks] of this.#heardOf)
      if (this.#isThere(id) || looks + 1 === pausesMs.length)
        this.#heardOf.delete(id);
      else this.#heardOf.set(id, looks + 1);
  }

  /** That of the one that was heard of last. */
  #pauseMs(): number {
    const looks = Math.min(...this.#heardOf.values());
    return pausesMs[looks] ?? 0;
  }
}
