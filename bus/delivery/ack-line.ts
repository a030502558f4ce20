// Acknowledgements of one queue, each held back until the next is due or a moment has passed. When an
// acknowledgement empties a stream, the server deletes the stream's last file and makes a new one, which
// takes it longer than a whole task; one message left in place spares that while work goes on.
//
// Holding back is safe: the effect is on the log already (R3), and a task whose acknowledgement got lost is
// found to have ended when it comes again.

export interface Acknowledgeable {
  acknowledgeNow(): void;
}

const holdMs = 250;

export class AckLine {
  #held: Acknowledgeable | undefined;
  #heldSince = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  add(delivery: Acknowledgeable): void {
    if (this.#closed) return delivery.acknowledgeNow();
    this.#held?.acknowledgeNow();
    this.#held = delivery;
    this.#heldSince = performance.now();
    this.#timer ??= setTimeout(() => this.#onTimer(), holdMs);
  }

  /** Holds back nothing any more. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  #onTimer(): void {
    const leftMs = this.#heldSince + holdMs - performance.now();
    if (leftMs <= 0) this.#release();
    else this.#timer = setTimeout(() => this.#onTimer(), leftMs);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held?.acknowledgeNow();
    this.#held = undefined;
  }
}
