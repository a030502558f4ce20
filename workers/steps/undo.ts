// Undoing what a failed or canceled task has done: each done step that has an undo, the last one first.
//
// 1. That the task is being undone is on its journal before the first undo runs, with why: whoever takes it up then
//    runs its handler only to have its undos at hand, and nothing new is begun.
// 2. Each undo is on the journal when it is done, and is not run again. One that failed as often as it may stops those
//    before it: they may depend on it, and a person is to decide.
// 3. Between two attempts it waits for a moment at most; for longer the task is given back. What a task undoes that it
//    calls (undo-calls.ts) is waited for as children are.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  backoffMs,
  mayRetry,
  type RetryRules,
} from "../../bus/delivery/retry.js";
import { copyOf } from "../../protocol/codec.js";
import {
  messageOf,
  toTroupeError,
  TroupeError,
} from "../../protocol/errors.js";
import type { Completion, JournalEntry } from "../../protocol/journal.js";
import { copiedOperations } from "../../protocol/journal-cut.js";
import { toRpcError } from "../../protocol/rpc.js";
import {
  endedAsItStood,
  listOf,
  undoReportOf,
  undoStateOf,
  type UndoFailure,
  type UndoReport,
  type UndoState,
} from "../../protocol/undo-state.js";
import type { EndState } from "../../protocol/task.js";
import { runAttempt, type Attempt } from "./attempt.js";
import type { Draws } from "./draws.js";
import type { Parts } from "./parts.js";
import { Suspension, type Suspended } from "./suspension.js";
import { final, type Operation } from "./tape.js";
import { UndoCalls, type UndoTask } from "./undo-calls.js";
import { momentMs } from "./waits.js";

export type UndoFunction = (result: unknown, attempt: Attempt) => unknown;

interface Undoable {
  /** Undoes it, or says which task does. */
  run: UndoFunction;
  byTask?: boolean;
  rules: RetryRules;
  timeoutMs: number | undefined;
}

interface Done extends Undoable {
  operation: Operation;
  value: unknown;
}

/** What stands in an undo knows that it does. */
interface Inside {
  /** The step that is undone. */
  name: string;
  /** Its own: how often the handler has drawn may be another number each time. */
  draws: Draws;
}

/** An undo that says nothing for so long has failed, where its step names no timeout. */
const defaultTimeoutMs = 300_000;

export class Undo {
  readonly #parts: Parts;
  readonly #known = new Map<Operation, Undoable>();
  /** In the order in which they were done. */
  readonly #done: Done[] = [];
  /** By ordinal: undone, or passed over by a person. */
  readonly #over: Set<number>;
  readonly #failures: Map<number, UndoFailure>;
  readonly #isResolved: boolean;
  readonly #declined: UndoState["declined"];
  /** As who declined to undo it was told. */
  readonly #report: UndoReport | undefined;
  /** By ordinal: how often an attempt to undo it has failed. */
  readonly #failed = new Map<number, number>();
  readonly #left = new AbortController();
  readonly #calls: UndoCalls;
  /** By ordinal: done by the task that this one was forked from. */
  readonly #others: ReadonlySet<number>;
  readonly #draws: Draws;
  /** While an undo is at work: others of the handler's ways may still be, too. */
  #running: AsyncLocalStorage<Inside> | undefined;
  #why: UndoState["why"];
  /** How many of them the journal names. */
  #recorded: number;
  #isReplayed = false;

  /** `leave`: its task is to be left where it stands. */
  constructor(
    parts: Parts,
    draws: Draws,
    entries: readonly JournalEntry[],
    leave: (to: Suspended) => void,
  ) {
    const state = undoStateOf(entries);
    this.#parts = parts;
    this.#calls = new UndoCalls(parts, (error) =>
      leave({ why: "trouble", error }),
    );
    for (const entry of entries)
      if (entry.kind === "undo-failed") this.#countFailure(entry.op);
    this.#draws = draws;
    this.#others = copiedOperations(entries);
    this.#over = new Set([...state.undone, ...state.skipped]);
    this.#failures = new Map(state.failures);
    this.#isResolved = state.isResolved;
    this.#declined = state.declined;
    this.#report = state.declined && undoReportOf(entries);
    this.#recorded = state.ops?.length ?? 0;
    this.#why = state.why && {
      ...state.why,
      error: final(state.why.error),
    };
  }

  get why(): UndoState["why"] {
    return this.#why;
  }

  /** The undo that calls this, if one does. */
  get inside(): Inside | undefined {
    return this.#running?.getStore();
  }

  remember(operation: Operation, undoable: Undoable): void {
    this.#known.set(operation, undoable);
  }

  canUndo(operation: Operation): boolean {
    return this.#known.has(operation);
  }

  done(operation: Operation, completion: Completion & { kind: "done" }): void {
    const undoable = this.#known.get(operation);
    if (!undoable || this.#others.has(operation.ordinal)) return;
    // The handler may change what it was given.
    const value = copyOf(
      operation.live ? operation.live.value : completion.value,
    );
    this.#done.push({ ...undoable, operation, value });
  }

  /** From now on nothing new is done. */
  begin(state: EndState, error: TroupeError): void {
    this.#why ??= { error: final(error), state };
  }

  /** Its task is left: an undo at work is told, and what it does no longer counts. */
  leave(): void {
    this.#left.abort();
  }

  /** Nothing of it counts any more. */
  stop(): void {
    this.#calls.stop();
  }

  /** The handler stands where its journal ends. `next` is called once. */
  replayed(next: () => void): void {
    if (this.#isReplayed) return;
    this.#isReplayed = true;
    setImmediate(next);
  }

  /** Somebody else is to go on with it: it is on the journal that the task is undone. */
  async record(state: EndState, error: TroupeError): Promise<void> {
    const { line, host } = this.#parts;
    const ops = this.#isReplayed
      ? this.#done.map(({ operation }) => operation.ordinal)
      : undefined;
    this.#recorded = ops?.length ?? 0;
    await line.store({
      kind: "undoing",
      at: host.now(),
      error: toRpcError(error),
      state,
      ...(ops ? { ops } : {}),
    });
  }

  /** Resolves with what the task is to end with: why it failed, or UNDO_FAILED; or with why it is left for a while. */
  async run(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    this.#isReplayed = true;
    while (!this.#isResolved) {
      const left = this.#done.filter(
        ({ operation }) => !this.#over.has(operation.ordinal),
      );
      const { standing = [] } = this.#report ?? {};
      if (this.#declined && left.length + standing.length > 0)
        return endedAsItStood(error, this.#declined, this.#report!);
      if (left.length === 0) break;
      // A step may have been done late, after it was told to stop.
      if (this.#recorded < this.#done.length) await this.record(state, error);
      for (const done of left.toReversed()) {
        const failed = await this.#undo(done);
        if (failed instanceof Suspension) return failed;
        if (failed) return this.#undoFailed(error, done, failed);
      }
    }
    return error;
  }

  async #undo(done: Done): Promise<TroupeError | Suspension | undefined> {
    const { ordinal: op } = done.operation;
    for (;;) {
      const past = this.#failures.get(op);
      if (past?.retryAt === undefined) {
        if (past) return past.error;
      } else {
        const pauseMs = past.retryAt - this.#parts.host.now();
        if (pauseMs > momentMs)
          return new Suspension({ why: "undoing", until: past.retryAt });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      // Its task was left meanwhile, and may be at work elsewhere.
      if (this.#parts.line.closed)
        return new Suspension({ why: "undoing", until: 0 });
      if (await this.#attempt(done, (past?.attempt ?? 0) + 1)) return undefined;
    }
  }

  /** Whether it worked. */
  async #attempt(
    { operation, run, byTask, rules, value, timeoutMs }: Done,
    attempt: number,
  ): Promise<boolean> {
    const { line, host } = this.#parts;
    const { ordinal: op, name } = operation;
    const inside = { name, draws: this.#draws.ofUndo(op) };
    const running = (this.#running = new AsyncLocalStorage<Inside>());
    try {
      const said = await runAttempt<unknown>(
        (each) => running.run(inside, () => run(value, each)),
        attempt,
        () => this.#left.signal,
        timeoutMs ?? defaultTimeoutMs,
        `undo of ${name}`,
      );
      if (byTask === true) {
        const failures = this.#failed.get(op) ?? 0;
        await this.#calls.call(operation, said as UndoTask, failures);
      }
    } catch (thrown) {
      const error = toTroupeError(thrown);
      const retryAt = mayRetry(rules, error, attempt)
        ? host.now() + backoffMs(rules, attempt)
        : undefined;
      await line.store({
        kind: "undo-failed",
        op,
        at: host.now(),
        attempt,
        error: toRpcError(error),
        ...(retryAt === undefined ? {} : { retryAt }),
      });
      this.#countFailure(op);
      this.#failures.set(op, { op, attempt, error, retryAt });
      return false;
    } finally {
      running.disable(); // it costs every promise of the process something
    }
    await line.store({ kind: "undone", op, at: host.now() });
    this.#over.add(op);
    return true;
  }

  #countFailure(op: number): void {
    this.#failed.set(op, (this.#failed.get(op) ?? 0) + 1);
  }

  #standing(): { undone: string[]; standing: string[] } {
    const name = ({ operation: { name } }: Done) => name;
    const isOver = ({ operation: { ordinal } }: Done) =>
      this.#over.has(ordinal);
    const undone = this.#done.filter(isOver).map(name);
    const standing = this.#done.filter((done) => !isOver(done)).map(name);
    return { undone, standing };
  }

  #undoFailed(
    why: TroupeError,
    { operation }: Done,
    cause: TroupeError,
  ): TroupeError {
    const { undone, standing } = this.#standing();
    return new TroupeError(
      "UNDO_FAILED",
      `${why.message}; and step "${operation.name}" could not be undone: ${messageOf(cause)}. Undone: ${listOf(undone)}; still done: ${listOf(standing)}`,
      {
        cause,
        data: { failed: why.message, step: operation.name, undone, standing },
      },
    );
  }
}
