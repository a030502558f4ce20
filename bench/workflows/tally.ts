// The work of the workflows, next to nothing, and what a worker keeps of it for the benchmark.
import { quantile } from "../load.js";
import { now, type Work } from "./contract.js";

export interface Counts {
  asleep: number;
  woken: number;
  ticks: number;
  replayed: number;
  /** By `now()`: when the worker was about to be opened. */
  openedAt: number;
  /** When it last happened. */
  wokenAt: number;
  replayedAt: number;
}

export interface Latencies {
  count: number;
  p50Ms: number;
  p99Ms: number;
}

export class Tally {
  readonly #counts: Counts = {
    asleep: 0,
    woken: 0,
    ticks: 0,
    replayed: 0,
    openedAt: 0,
    wokenAt: 0,
    replayedAt: 0,
  };
  #startsMs: number[] = [];

  constructor(openedAt: number) {
    this.#counts.openedAt = openedAt;
  }

  readonly work: Work = {
    one: ({ text, sentAt }) => {
      this.#startsMs.push(now() - sentAt);
      return text.toUpperCase();
    },
    two: (text) => `${text}!`,
    three: (text) => text.trim(),
    asleep: ({ until }) => {
      this.#counts.asleep++;
      return Math.max(1, Math.round(until - now()));
    },
    woken: () => {
      this.#counts.wokenAt = now();
      return ++this.#counts.woken;
    },
    tick: () => ++this.#counts.ticks,
    replayed: () => {
      this.#counts.replayedAt = now();
      return ++this.#counts.replayed;
    },
  };

  forget(): null {
    this.#startsMs = [];
    return null;
  }

  /** From the client's call to the first step. */
  starts(): Latencies {
    const sorted = this.#startsMs.sort((a, b) => a - b);
    return {
      count: sorted.length,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
    };
  }

  counts(): Counts {
    return this.#counts;
  }
}

/** What comes of `three`, for who checks it. */
export function resultOf(text: string): string {
  return `${text.toUpperCase()}!`.trim();
}
