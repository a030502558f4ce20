// From callbacks to an async reader. Every wait has a deadline (R9). Only following has none, for there may be nothing
// to see for days: it ends when its reader stops, or when the queue fails, as it must when the connection is closed.
import { longestTimerMs } from "../../protocol/duration.js";
import type { TroupeError } from "../../protocol/errors.js";

export class Queue<Item> {
  readonly #items: Item[] = [];
  #head = 0;
  #error: TroupeError | undefined;
  #wake: (() => void) | undefined;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still handed out. */
  fail(error: TroupeError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** The next item without waiting. */
  take(): Item | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined as Item;
    if (this.#head === this.#items.length) this.#items.length = this.#head = 0;
    return item;
  }

  /** The next item, however long it takes: for who follows. Throws what the queue failed with. */
  async next(): Promise<Item> {
    while (this.#isIdle) await this.#woken(Number.POSITIVE_INFINITY);
    return this.#taken();
  }

  /** The same for who waits for it. Throws `outOfTime()` when nothing has come. */
  async nextWithin(ms: number, outOfTime: () => TroupeError): Promise<Item> {
    while (this.#isIdle) if (!(await this.#woken(ms))) throw outOfTime();
    return this.#taken();
  }

  get #isIdle(): boolean {
    return this.length === 0 && this.#error === undefined;
  }

  #taken(): Item {
    if (this.length === 0) throw this.#error!;
    return this.take() as Item;
  }

  #woken(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(timeoutMs)
        ? setTimeout(() => done(false), Math.min(timeoutMs, longestTimerMs))
        : undefined;
      const done = (woken: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      this.#wake = () => done(true);
    });
  }
}
