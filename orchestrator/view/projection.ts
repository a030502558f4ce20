// The view of what happened: a fold of the newest places of the log, so many and no more.
//
// 1. R5: what it holds is a function of the log alone: of the events in its range, in their order. Whoever folds
//    the same range holds the same, whatever it has folded and forgotten before.
// 2. Memory is bounded by the range: each event is one fact, and a fact leaves when its place does.
import type { LogEntry } from "../../bus/history/log-feed.js";
import { isTerminal } from "../../protocol/task.js";
import { factOf, type Fact } from "./fact.js";

/** The facts of one task in the range, oldest first; nearly always a single one. */
type Trace = Fact | Fact[];

/** Facts before this many are gone are not worth moving the rest for. */
const compactAfter = 4_096;

export class Projection {
  /** How many places of the log it covers at most. */
  readonly window: number;
  /** The last place that was folded. */
  to: number;
  readonly #prefix: string;
  #facts: Fact[] = [];
  /** Before it, all facts have left. */
  #head = 0;
  #first = 1;
  readonly #traces = new Map<string, Trace>();

  /** Begins empty, after the place `to`; `prefix` is what stands before the agent in the subjects of events. */
  constructor(window: number, to: number, prefix: string) {
    this.window = window;
    this.to = to;
    this.#prefix = prefix;
  }

  /** The first place that it covers. */
  get from(): number {
    return Math.max(this.#first, this.to - this.window + 1);
  }

  /** How many events it holds. */
  get size(): number {
    return this.#facts.length - this.#head;
  }

  /** The next entry of the log. Throws MESSAGE_UNREADABLE, and then has gone on without it. */
  fold(entry: LogEntry): void {
    this.to = entry.sequence;
    this.#forget();
    const fact = factOf(entry, this.#prefix);
    if (!fact) return;
    this.#facts.push(fact);
    const trace = this.#traces.get(fact.key);
    if (trace === undefined) this.#traces.set(fact.key, fact);
    else if (Array.isArray(trace)) trace.push(fact);
    else this.#traces.set(fact.key, [trace, fact]);
  }

  /** The log goes from here to there now: what it has dropped is forgotten, and it has nothing more to tell. */
  covers(first: number, to: number): void {
    this.#first = Math.max(this.#first, first);
    this.to = Math.max(this.to, to);
    this.#forget();
  }

  /** What is known of a task, oldest first. */
  traceOf(key: string): readonly Fact[] {
    const trace = this.#traces.get(key);
    if (trace === undefined) return [];
    return Array.isArray(trace) ? trace : [trace];
  }

  /** Tasks with something on the log, and no end. */
  *open(): Generator<readonly Fact[]> {
    for (const trace of this.#traces.values()) {
      const facts = Array.isArray(trace) ? trace : [trace];
      if (!facts.some(({ kind }) => isTerminal(kind))) yield facts;
    }
  }

  /** From the oldest on. */
  *oldestFirst(): Generator<Fact> {
    for (let at = this.#head; at < this.#facts.length; at++)
      yield this.#facts[at]!;
  }

  /** From the newest on. */
  *newestFirst(): Generator<Fact> {
    for (let at = this.#facts.length - 1; at >= this.#head; at--)
      yield this.#facts[at]!;
  }

  #forget(): void {
    const { from } = this;
    for (; this.#head < this.#facts.length; this.#head++) {
      const fact = this.#facts[this.#head]!;
      if (fact.sequence >= from) break;
      this.#drop(fact);
    }
    if (this.#head < compactAfter || this.#head < this.#facts.length / 2)
      return;
    this.#facts = this.#facts.slice(this.#head);
    this.#head = 0;
  }

  /** Facts leave in the order in which they came, so it is the first of its trace. */
  #drop(fact: Fact): void {
    const trace = this.#traces.get(fact.key);
    if (!Array.isArray(trace)) this.#traces.delete(fact.key);
    else if (trace.length === 2) this.#traces.set(fact.key, trace[1]!);
    else trace.shift();
  }
}
