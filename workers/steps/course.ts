// The course of a handler: how far it has come on its journal, whether it goes on, and how it is left, ended or undone.
// It joins the parts that the operations share.
//
// 1. When the journal refuses a write, or does not fit, the handler is left where it stands: it is told nothing.
// 2. Once it is over nothing of it counts, whatever the handler still does.
import { formatMs } from "../../protocol/duration.js";
import { toTroupeError, TroupeError } from "../../protocol/errors.js";
import {
  runOf,
  type Completion,
  type JournalEntry,
} from "../../protocol/journal.js";
import { endStateOf } from "../../protocol/outcome.js";
import type { EndState } from "../../protocol/task.js";
import { listOf } from "../../protocol/undo-state.js";
import { Calls } from "./calls.js";
import type { Draws } from "./draws.js";
import { begunEntry, doneEntry, type Done } from "./entries.js";
import { JournalLine } from "./journal-line.js";
import { Parts } from "./parts.js";
import { journalFull, maxOperations, misfitting } from "./refusals.js";
import { SignalWaits } from "./signal-waits.js";
import type { StepHost } from "./step-host.js";
import { Suspension, type Suspended } from "./suspension.js";
import { Tape, type Operation } from "./tape.js";
import { Trying } from "./trying.js";
import { Undo } from "./undo.js";
import { Waits } from "./waits.js";

/** Steps that do not stop when they are told to are given up after that. */
const longestStopMs = 10_000;

export class Course {
  readonly tape: Tape;
  readonly line: JournalLine;
  readonly waits: Waits;
  readonly trying: Trying;
  readonly undo: Undo;
  readonly calls: Calls;
  readonly signals: SignalWaits;
  /** What steps at work hear of when it is undone or left. */
  readonly signal = (): AbortSignal =>
    (this.#abort ??= new AbortController()).signal;
  readonly #host: StepHost;
  #abort: AbortController | undefined;
  #over = false;
  /** The handler has come to its end: it begins nothing more. */
  #ended = false;
  /** While it is undone: leaves that where it stands. */
  #interrupt: ((why: Suspension) => void) | undefined;

  constructor(host: StepHost, draws: Draws, entries: readonly JournalEntry[]) {
    this.#host = host;
    this.tape = new Tape(
      entries,
      (misfit) => this.leave(misfitting(host, misfit)),
      (operation, completion) => this.#settled(operation, completion),
    );
    this.line = new JournalLine(
      {
        append: (written) => host.append(written),
        hold: () => host.hold(),
        completed: (completions) => this.tape.completed(completions),
        refused: (error) => this.#refused(error),
        still: () => this.waits.look(), // also after entries that complete nothing: none waits while one is written
        failed: (error) => this.#lost(error),
      },
      host.isDurable && entries.length === 0,
    );
    this.waits = new Waits({
      now: () => host.now(),
      isIdle: () => this.#isIdle,
      park: (until, waitsFor, asks) =>
        this.leave({ why: "parked", until, waitsFor, asks }),
      idle: (isIdle) => host.idle(isIdle),
      canPark: host.canPark,
    });
    this.trying = new Trying(
      host,
      this.line,
      this.waits,
      () => this.undoing !== undefined,
    );
    const parts = new Parts(host, this.line, this.waits, this.trying);
    this.undo = new Undo(parts, draws, entries, (to) => this.leave(to));
    this.calls = new Calls(parts, runOf(entries));
    this.signals = new SignalWaits(parts, entries);
  }

  /** Why its handler is only run to undo what it did; undefined as long as it is not. */
  get undoing(): { error: TroupeError; state: EndState } | undefined {
    return this.undo.why;
  }

  /** Nothing of it counts any more, or soon. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Whether its handler may still begin something. */
  get goesOn(): boolean {
    return !this.#over && !this.#ended;
  }

  /** Undefined where it does not fit the journal, or finds no room there. */
  begin(type: Operation["type"], name: string): Operation | undefined {
    if (this.tape.length >= maxOperations) {
      this.#host.end(journalFull(this.#host));
      return undefined;
    }
    const operation = this.tape.begin(type, name);
    operation?.promise.catch(() => undefined); // whoever awaits it hears of it
    // Where nothing was done there may be children all the same.
    if (this.undoing && this.tape.caughtUp) this.#endReplay(this.undoing);
    return operation;
  }

  /** Whether it is still to be done, and to be done at all. */
  isToDo({ past }: Operation): boolean {
    return !past?.completion && !this.undoing;
  }

  /**
   * Begins it when the journal has something. A task with an empty one is ended at once by who cancels it: then nobody
   * would undo what this does.
   */
  whenTold(operation: Operation, begin: () => void): void {
    if (!this.line.isEmpty) return begin();
    this.line.add(begunEntry(operation, this.#host, {}), () => {
      if (!this.undoing) begin();
    });
  }

  complete(operation: Operation, more: Done): void {
    operation.live = { value: more.value };
    this.line.add(doneEntry(operation, this.#host, more));
  }

  /** Begins anew with another input. */
  async continueAs(input: unknown): Promise<void> {
    this.#ended = true;
    await this.calls.cancelAttached();
    await this.#untilStill();
    if (this.undoing || this.#over) return; // it was canceled meanwhile
    const taken = this.signals.lastTaken();
    const run = this.calls.run + 1;
    this.leave({ why: "continued", input, run, taken });
  }

  /** The handler has returned or thrown: ways of it that go on all the same would begin what is not there next time. */
  ended(): void {
    this.#ended = true;
  }

  /** The handler has returned: undefined where it has done all that its journal has. */
  misfit(): Suspended | undefined {
    const misfit = this.tape.leftOver();
    return misfit && misfitting(this.#host, misfit);
  }

  /** Where another version has taken its input: one that refuses it does not fit what was done since. */
  refusedInput({ message }: TroupeError): Suspended | undefined {
    if (this.undoing || !this.tape.isUntouched) return undefined;
    const misfit = { expected: "an input that fits", found: message };
    return misfitting(this.#host, misfit);
  }

  /** Whether what it waits for has happened meanwhile. */
  anyOver(): Promise<boolean> {
    return this.waits.anyOver();
  }

  /** The handler is over: what it has begun and not waited for ends with it. */
  finish(): Promise<unknown> | undefined {
    this.calls.end();
    return this.calls.hasAttached ? this.calls.cancelAttached() : undefined;
  }

  /** It is over: what is on its journal is gone through, and nothing else is done. */
  onlyUndo(error: TroupeError): void {
    this.undo.begin(endStateOf(error), error);
  }

  /**
   * Undoes what was done, and cancels what is under way. Resolves with what the task is to end with, or with why that
   * is not known yet.
   */
  unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    const interrupted = new Promise<Suspension>((resolve) => {
      this.#interrupt = resolve;
    });
    return Promise.race([interrupted, this.#unwind(state, error)]);
  }

  /** It is left where it stands: its journal does not fit or cannot be written, its worker stops or has lost the task. */
  leave(to: Suspended): void {
    if (this.#over) return;
    this.#over = true;
    this.line.close();
    this.undo.leave();
    this.#interrupt?.(new Suspension(to));
    this.#host.suspend(to);
  }

  /** Nothing of it counts any more. */
  close(): void {
    this.#over = true;
    this.#abort?.abort();
    this.waits.stop();
    this.line.close();
    this.signals.stop();
    this.calls.stop();
    this.undo.stop();
  }

  async #unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    const wasUndoing = this.undoing !== undefined;
    this.signal(); // for those who ask for it only now
    this.#abort!.abort(error);
    this.waits.stop();
    this.undo.begin(state, error);
    // Nobody else is to end it while steps are at work: what they still do is undone.
    if (!wasUndoing && this.trying.running > 0)
      await this.undo.record(state, error);
    await this.calls.recordDone(await this.calls.cancelAttached());
    await this.#untilStill();
    const late = this.trying.atWork.filter((each) => this.undo.canUndo(each));
    // It ended in the midst of its journal, say by its timeout: what comes after that must be undone as well.
    const misfit = await this.tape.restOf();
    if (!misfit) {
      const ended = await this.undo.run(state, error);
      return late.length === 0 || ended instanceof Suspension
        ? ended
        : stillAtWork(ended, late);
    }
    if (wasUndoing) return new Suspension(misfitting(this.#host, misfit));
    await this.undo.record(state, error);
    return new Suspension({ why: "undoing", until: 0 });
  }

  get #isIdle(): boolean {
    return (
      this.trying.running === 0 &&
      this.line.idle &&
      this.tape.caughtUp &&
      !this.#over
    );
  }

  #settled(operation: Operation, completion: Completion): void {
    if (completion.kind === "done") this.undo.done(operation, completion);
    this.waits.look();
    const why = this.undoing;
    if (why && this.tape.caughtUp) this.#endReplay(why);
  }

  #endReplay({ error }: { error: TroupeError }): void {
    this.undo.replayed(() => this.#host.end(error));
  }

  /** Steps at work have heard that they are to stop; what they still do is on the journal then. */
  async #untilStill(): Promise<void> {
    const longest = performance.now() + longestStopMs;
    while (this.trying.running > 0 && performance.now() < longest)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await this.line.drained();
    await new Promise(setImmediate);
  }

  /** What is too large fails its handler; that can still be written down, and undone. */
  #refused(thrown: unknown): boolean {
    const error = toTroupeError(thrown);
    const isTooLarge = error.code === "PAYLOAD_TOO_LARGE";
    if (isTooLarge) this.#host.end(error);
    return isTooLarge;
  }

  #lost(thrown: unknown): void {
    const error = toTroupeError(thrown);
    const why = error.code === "CONFLICT" ? "fenced" : "trouble";
    this.leave({ why, error });
  }
}

/** Nobody knows what they will have done; so a person is to look. */
function stillAtWork(
  why: TroupeError,
  late: readonly Operation[],
): TroupeError {
  const standing = late.map(({ name }) => name);
  return new TroupeError(
    "UNDO_FAILED",
    `${why.message}; and what is at work of it did not stop within ${formatMs(longestStopMs)}, and is not undone whatever it does: ${listOf(standing)}. Let it heed its signal, or give it a timeout`,
    { cause: why, data: { failed: why.message, standing } },
  );
}
