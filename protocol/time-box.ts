// Work that others' data steers, such as a regular expression from a card, for a limited time. The engine looks
// at the clock also while it backtracks, which nothing that runs on this thread could.
//
// Each run costs a tenth of a millisecond: the engine starts a thread that watches.
import { createContext, Script } from "node:vm";
import { formatMs } from "./duration.js";

interface Box {
  job: (() => unknown) | undefined;
}

let box: Box | undefined;
const run = new Script("job()");

export class TookTooLong extends Error {}

/** A time that several jobs share: they hold up this thread no longer than that together. */
export class TimeBox {
  readonly #wholeMs: number;
  #leftMs: number;

  constructor(wholeMs: number) {
    this.#wholeMs = wholeMs;
    this.#leftMs = wholeMs;
  }

  get isUsedUp(): boolean {
    return this.#leftMs <= 0;
  }

  /** Throws what the job throws, and TookTooLong. What it leaves half done must not be used again. */
  run<Result>(job: () => Result): Result {
    if (this.isUsedUp) throw this.#tooLong();
    const begun = performance.now();
    const here = (box ??= createContext({ job: undefined }) as Box);
    here.job = job;
    try {
      return run.runInContext(here, {
        timeout: Math.ceil(this.#leftMs),
      }) as Result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== tookTooLong) throw error;
      this.#leftMs = 0;
      throw this.#tooLong(error);
    } finally {
      here.job = undefined;
      this.#leftMs -= performance.now() - begun;
    }
  }

  #tooLong(cause?: unknown): TookTooLong {
    const longest = formatMs(this.#wholeMs);
    return new TookTooLong(`it took longer than ${longest}`, { cause });
  }
}

const tookTooLong = "ERR_SCRIPT_EXECUTION_TIMEOUT";
