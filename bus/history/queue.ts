// From callbacks to an async reader, with a deadline on every wait (R9).
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

  async next(timeoutMs: number, outOfTime: () => TroupeError): Promise<Item> {
    for (;;) {
      if (this.length > 0) return this.take() as Item;
      if (this.#error) throw this.#error;
      if (!(await this.#woken(timeoutMs))) throw outOfTime();
    }
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
