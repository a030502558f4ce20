// Undoing what a failed or canceled task has done: each done step that has an undo, the last one first.
//
// 1. That the task is being undone is on its journal before the first undo runs, with why: whoever takes it up then
//    runs its handler only to have its undos at hand, and nothing new is begun.
// 2. Each undo is on the journal when it is done, and is not run again. One that failed as often as it may stops those
//    before it: they may depend on it, and a person is to decide.
import {
  backoffMs,
  mayRetry,
  type RetryRules,
} from "../../bus/delivery/retry.js";
import {
  messageOf,
  toTroupeError,
  TroupeError,
} from "../../protocol/errors.js";
import type { Completion, JournalEntry } from "../../protocol/journal.js";
import { fromRpcError, toRpcError } from "../../protocol/rpc.js";
import type { Attempt } from "./attempt.js";
import type { Parts } from "./parts.js";
import type { EndState } from "./suspension.js";
import type { Operation } from "./tape.js";

export type UndoFunction = (result: unknown, attempt: Attempt) => unknown;

interface Undoable {
  run: UndoFunction;
  rules: RetryRules;
}

interface Done extends Undoable {
  operation: Operation;
  value: unknown;
}

export class Undo {
  readonly #parts: Parts;
  readonly #known = new Map<Operation, Undoable>();
  /** In the order in which they were done. */
  readonly #done: Done[] = [];
  /** By ordinal: undone, or passed over by a person. */
  readonly #over = new Set<number>();
  readonly #failures = new Map<number, number>();
  #why: { error: TroupeError; state: EndState } | undefined;
  #isRecorded = false;
  #isReplayed = false;

  constructor(parts: Parts, entries: readonly JournalEntry[]) {
    this.#parts = parts;
    for (const entry of entries) {
      if (entry.kind === "undoing") {
        this.#isRecorded = true;
        const error = fromRpcError(entry.error);
        this.#why = { error: final(error), state: entry.state };
      }
      if (entry.kind === "undone" || entry.kind === "undo-skipped")
        this.#over.add(entry.op);
      if (entry.kind === "undo-failed" && entry.retryAt !== undefined)
        this.#failures.set(entry.op, entry.attempt);
    }
  }

  get why(): { error: TroupeError; state: EndState } | undefined {
    return this.#why;
  }

  remember(operation: Operation, undoable: Undoable): void {
    this.#known.set(operation, undoable);
  }

  done(operation: Operation, completion: Completion & { kind: "done" }): void {
    const undoable = this.#known.get(operation);
    if (!undoable) return;
    const value = operation.live ? operation.live.value : completion.value;
    this.#done.push({ ...undoable, operation, value });
  }

  /** From now on nothing new is done. */
  begin(state: EndState, error: TroupeError): void {
    this.#why ??= { error: final(error), state };
  }

  /** The handler stands where its journal ends. `next` is called once. */
  replayed(next: () => void): void {
    if (this.#isReplayed) return;
    this.#isReplayed = true;
    setImmediate(next);
  }

  /** Resolves with what the task is to end with: why it failed, or UNDO_FAILED. */
  async run(state: EndState, error: TroupeError): Promise<TroupeError> {
    const left = this.#done.filter(
      ({ operation }) => !this.#over.has(operation.ordinal),
    );
    if (left.length === 0) return error;
    const { line, host } = this.#parts;
    if (!this.#isRecorded)
      await line.store({
        kind: "undoing",
        at: host.now(),
        error: toRpcError(error),
        state,
      });
    for (const done of left.toReversed()) {
      const failed = await this.#undo(done);
      if (failed) return this.#undoFailed(error, done, failed);
    }
    return error;
  }

  async #undo({
    operation,
    run,
    rules,
    value,
  }: Done): Promise<TroupeError | undefined> {
    const { line, host } = this.#parts;
    const { ordinal: op } = operation;
    for (let attempt = (this.#failures.get(op) ?? 0) + 1; ; attempt++) {
      try {
        await run(value, { attempt, signal: new AbortController().signal });
        this.#over.add(op);
        await line.store({ kind: "undone", op, at: host.now() });
        return undefined;
      } catch (thrown) {
        const error = toTroupeError(thrown);
        const again = mayRetry(rules, error, attempt);
        const pauseMs = backoffMs(rules, attempt);
        await line.store({
          kind: "undo-failed",
          op,
          at: host.now(),
          attempt,
          error: toRpcError(error),
          ...(again ? { retryAt: host.now() + pauseMs } : {}),
        });
        if (!again) return error;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  #undoFailed(
    why: TroupeError,
    { operation }: Done,
    cause: TroupeError,
  ): TroupeError {
    const name = ({ operation: { name } }: Done) => name;
    const isOver = ({ operation: { ordinal } }: Done) =>
      this.#over.has(ordinal);
    const undone = this.#done.filter(isOver).map(name);
    const standing = this.#done.filter((done) => !isOver(done)).map(name);
    return new TroupeError(
      "UNDO_FAILED",
      `${why.message}; and step "${operation.name}" could not be undone: ${messageOf(cause)}. Undone: ${list(undone)}; still done: ${list(standing)}`,
      {
        cause,
        data: { failed: why.message, step: operation.name, undone, standing },
      },
    );
  }
}

function list(names: string[]): string {
  return names.length === 0 ? "nothing" : `"${names.join('", "')}"`;
}

/** What was decided once is not tried again. */
function final({ code, message, cause, data }: TroupeError): TroupeError {
  return new TroupeError(code, message, {
    cause,
    retryable: false,
    ...(data === undefined ? {} : { data }),
  });
}
