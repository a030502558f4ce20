// The order in which a handler's operations are settled: that of its journal, live and in replay alike. With it, code
// that awaits nothing but operations takes the same way every time, and the same operation has the same ordinal.
//
// 1. An operation gets the next ordinal when it begins. What the journal says of that ordinal must be of the same
//    type and name; else the handler does not fit.
// 2. Operations are settled one after another as the journal has their completions. Between two of them the event loop
//    turns once while others are under way, so that all that follows from the first has happened before the second.
import { TroupeError } from "../../protocol/errors.js";
import { fromRpcError } from "../../protocol/rpc.js";
import {
  isCompletion,
  type Completion,
  type JournalEntry,
  type OperationType,
} from "../../protocol/journal.js";

/** What the journal has of an operation. */
interface Past {
  type: OperationType;
  name: string;
  begun: Extract<JournalEntry, { kind: "begun" }> | undefined;
  /** Attempts that failed. */
  failures: number;
  retryAt: number | undefined;
  completion: Completion | undefined;
}

/** Something durable that the handler has begun. */
export class Operation {
  readonly ordinal: number;
  readonly type: OperationType;
  readonly name: string;
  readonly past: Past | undefined;
  readonly promise: Promise<unknown>;
  /** The value that it had live, which need not be read again. */
  live: { value: unknown } | undefined;
  #isClaimed = false;
  #resolve!: (value: unknown) => void;
  #reject!: (error: TroupeError) => void;

  constructor(
    ordinal: number,
    type: OperationType,
    name: string,
    past: Past | undefined,
  ) {
    this.ordinal = ordinal;
    this.type = type;
    this.name = name;
    this.past = past;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** True once: what came of it is written by whoever knows it first. */
  claim(): boolean {
    const isFirst = !this.#isClaimed;
    this.#isClaimed = true;
    return isFirst;
  }

  settle(completion: Completion): void {
    if (completion.kind === "failed")
      this.#reject(final(fromRpcError(completion.error)));
    else this.#resolve(this.live ? this.live.value : completion.value);
  }
}

type OfOperation = Extract<JournalEntry, { op: number; type: OperationType }>;

export interface Mismatch {
  expected: string;
  found: string;
}

export class Tape {
  readonly #past = new Map<number, Past>();
  readonly #order: Completion[] = [];
  readonly #operations: Operation[] = [];
  readonly #onMisfit: (misfit: Mismatch) => void;
  readonly #onSettled: (operation: Operation, completion: Completion) => void;
  /** The highest ordinal that the journal has; -1 for none. */
  #lastKnown = -1;
  #next = 0;
  #underWay = 0;
  #turning = false;

  constructor(
    entries: readonly JournalEntry[],
    onMisfit: (misfit: Mismatch) => void,
    onSettled: (operation: Operation, completion: Completion) => void,
  ) {
    this.#onMisfit = onMisfit;
    this.#onSettled = onSettled;
    for (const entry of entries) this.#recall(entry);
  }

  /** Whether all that the journal has was asked for. */
  get caughtUp(): boolean {
    return this.#next === this.#order.length;
  }

  /** How many operations were settled. */
  get settled(): number {
    return this.#next;
  }

  /** How many operations the handler has begun. */
  get length(): number {
    return this.#operations.length;
  }

  /** The journal has something, and the handler has not asked for any of it. */
  get isUntouched(): boolean {
    return this.#operations.length === 0 && this.#lastKnown >= 0;
  }

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** Whether what begins now has never begun before. */
  get isNew(): boolean {
    return this.#operations.length > this.#lastKnown;
  }

  /** Undefined where it does not fit: then nothing of the handler counts any more. */
  begin(type: OperationType, name: string): Operation | undefined {
    const ordinal = this.#operations.length;
    const past = this.#past.get(ordinal);
    if (past && (past.type !== type || past.name !== name)) {
      this.#onMisfit({ expected: nameOf(past), found: nameOf({ type, name }) });
      return undefined;
    }
    const operation = new Operation(ordinal, type, name, past);
    this.#operations.push(operation);
    this.#underWay++;
    if (past?.completion) this.#turn();
    return operation;
  }

  /** They are on the journal, in this order. */
  completed(completions: readonly Completion[]): void {
    for (const completion of completions) this.#order.push(completion);
    if (!this.#turning) this.#advance();
  }

  /** What the journal has and the handler, which is over, has never begun. */
  leftOver(): Mismatch | undefined {
    for (const [ordinal, past] of this.#past)
      if (ordinal >= this.#operations.length)
        return { expected: nameOf(past), found: "the end of the handler" };
    return undefined;
  }

  /** When nothing more can be settled: the first completion that nobody has asked for, if there is one. */
  async restOf(): Promise<Mismatch | undefined> {
    while (this.#operations[this.#order[this.#next]?.op ?? Infinity])
      await new Promise(setImmediate);
    const next = this.#order[this.#next];
    return next && { expected: nameOf(next), found: "the end of the handler" };
  }

  #recall(entry: JournalEntry): void {
    if (entry.kind === "begun" || entry.kind === "attempt") {
      const past = this.#pastOf(entry);
      if (entry.kind === "begun") past.begun = entry;
      else {
        past.failures = entry.attempt;
        past.retryAt = entry.retryAt;
      }
    } else if (isCompletion(entry)) {
      const past = this.#pastOf(entry);
      if (past.completion) return; // older versions could write two
      past.completion = entry;
      this.#order.push(entry);
    }
  }

  #pastOf({ op, type, name }: OfOperation): Past {
    let past = this.#past.get(op);
    if (!past) {
      past = {
        type,
        name,
        begun: undefined,
        failures: 0,
        retryAt: undefined,
        completion: undefined,
      };
      this.#past.set(op, past);
      this.#lastKnown = Math.max(this.#lastKnown, op);
    }
    return past;
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.#advance();
    });
  }

  #advance(): void {
    while (this.#next < this.#order.length) {
      const completion = this.#order[this.#next]!;
      const operation = this.#operations[completion.op];
      if (!operation) return; // not begun yet
      this.#next++;
      this.#underWay--;
      operation.settle(completion);
      this.#onSettled(operation, completion);
      if (this.#underWay > 0) return this.#turn();
    }
  }
}

/** Trying again is of no use: it has been tried as often as it may, or has been decided. */
export function final({
  code,
  message,
  cause,
  data,
}: TroupeError): TroupeError {
  return new TroupeError(code, message, {
    cause,
    retryable: false,
    ...(data === undefined ? {} : { data }),
  });
}

export function nameOf({
  type,
  name,
}: {
  type: OperationType;
  name: string;
}): string {
  return `${type} "${name}"`;
}
