// What a handler can do durably: the operations of `task`, over a journal. It knows the bus by its host only, so that
// a journal can also be gone through without one.
//
// 1. An operation that the journal has is not done again. One that it has not is done, and settled when its completion
//    is stored (R3): nothing that follows from it happens before.
// 2. When the journal refuses a write, or does not fit, the handler is left where it stands: it is told nothing.
import {
  retryRules,
  type RetryPolicy,
  type RetryRules,
} from "../../bus/delivery/retry.js";
import type { Target } from "../../bus/tasks/target.js";
import { copyOf } from "../../protocol/codec.js";
import { toMs, type Duration } from "../../protocol/duration.js";
import { toTroupeError, type TroupeError } from "../../protocol/errors.js";
import {
  journalSeed,
  runOf,
  type Completion,
  type JournalEntry,
} from "../../protocol/journal.js";
import { checkPlain } from "../../protocol/plain.js";
import type { EndState } from "../../protocol/undo-state.js";
import { begunEntry, doneEntry, type Done } from "./entries.js";
import {
  checkFunction,
  checkName,
  checkSignal,
  checkTime,
} from "./arguments.js";
import { isPromise, runAttempt, type Attempt } from "./attempt.js";
import { Calls, type ChildOptions } from "./calls.js";
import { Draws } from "./draws.js";
import { JournalLine } from "./journal-line.js";
import { Parts } from "./parts.js";
import {
  defaultSignalTimeout,
  SignalWaits,
  type SignalOptions,
} from "./signal-waits.js";
import {
  insideOf,
  journalFull,
  maxOperations,
  misfitting,
  unavailable,
} from "./refusals.js";
import type { StepHost } from "./step-host.js";
import { Suspension, type Suspended } from "./suspension.js";
import { Tape, type Operation } from "./tape.js";
import { Trying } from "./trying.js";
import { Undo, type UndoFunction } from "./undo.js";
import { Waits } from "./waits.js";

export interface StepOptions<Result> {
  /** Undoes it when the task fails or is canceled later. */
  undo?: (result: Result, attempt: Attempt) => unknown;
  /** Default: as the skill's. */
  retry?: RetryPolicy;
  /** How long one attempt may take. Default: as long as the handler may. */
  timeout?: Duration;
}

/** Each time another: one that lasts would keep all who ever awaited it. */
const never = (): Promise<never> => new Promise(() => undefined);

export class Steps {
  readonly #host: StepHost;
  readonly #tape: Tape;
  readonly #line: JournalLine;
  readonly #waits: Waits;
  readonly #draws: Draws;
  readonly #patches = new Map<string, boolean>();
  readonly #undo: Undo;
  readonly #calls: Calls;
  readonly #signals: SignalWaits;
  readonly #trying: Trying;
  readonly #signal = () => (this.#abort ??= new AbortController()).signal;
  #abort: AbortController | undefined;
  #over = false;
  /** The handler has come to its end: it begins nothing more. */
  #ended = false;
  /** The step whose function is being called. */
  #inside: { name: string; draws: Draws } | undefined;
  /** While it is undone: leaves that where it stands. */
  #interrupt: ((why: Suspension) => void) | undefined;

  constructor(host: StepHost, entries: readonly JournalEntry[]) {
    const { agent, id } = host;
    this.#host = host;
    this.#draws = new Draws(journalSeed({ agent, taskId: id }, entries));
    for (const entry of entries)
      if (entry.kind === "patched") this.#patches.set(entry.name, true);
    this.#tape = new Tape(
      entries,
      (misfit) => this.#suspend(misfitting(this.#host, misfit)),
      (operation, completion) => this.#settled(operation, completion),
    );
    this.#line = new JournalLine({
      append: (written) => host.append(written),
      completed: (completions) => this.#tape.completed(completions),
      refused: (error) => this.#refused(error),
      still: () => this.#waits.look(), // also after entries that complete nothing: none waits while one is written
      failed: (error) => this.#lost(error),
    });
    this.#waits = new Waits({
      now: () => host.now(),
      isIdle: () => this.#isIdle,
      park: (until, waitsFor, asks) =>
        this.#suspend({ why: "parked", until, waitsFor, asks }),
      idle: (isIdle) => host.idle(isIdle),
      canPark: host.canPark,
    });
    this.#trying = new Trying(
      host,
      this.#line,
      this.#waits,
      () => this.undoing !== undefined,
    );
    const parts = new Parts(host, this.#line, this.#waits, this.#trying);
    this.#undo = new Undo(parts, entries);
    this.#calls = new Calls(parts, runOf(entries));
    this.#signals = new SignalWaits(parts, entries);
  }

  /** How far its handler has come. */
  get tape(): Tape {
    return this.#tape;
  }

  /** Why its handler is only run to undo what it did; undefined as long as it is not. */
  get undoing(): { error: TroupeError; state: EndState } | undefined {
    return this.#undo.why;
  }

  step<Result>(
    name: string,
    run: (attempt: Attempt) => Result | Promise<Result>,
    options: StepOptions<Result> = {},
  ): Promise<Result> {
    checkName("step", name);
    checkFunction(`what step "${name}" is to do`, run);
    const { undo } = options;
    if (undo !== undefined) checkFunction(`the undo of step "${name}"`, undo);
    const rules = this.#rulesOf(options.retry);
    const timeoutMs = timeoutOf(options);
    const operation = this.#begin("step", name);
    if (!operation) return never();
    if (undo)
      this.#undo.remember(operation, {
        run: undo as UndoFunction,
        rules,
        timeoutMs,
      });
    if (!operation.past?.completion && !this.undoing)
      this.#runStep(operation, run, rules, timeoutMs);
    return operation.promise as Promise<Result>;
  }

  call(
    target: Target,
    input: unknown,
    options: ChildOptions = {},
  ): Promise<unknown> {
    if (options.name !== undefined) checkName("call", options.name);
    const operation = this.#begin("call", this.#calls.nameOf(target, options));
    if (!operation) return never();
    if (options.undo && options.start !== true)
      this.#undo.remember(operation, {
        run: options.undo,
        rules: this.#host.rules,
        timeoutMs: undefined,
      });
    this.#calls.begin(
      operation,
      target,
      input,
      options,
      this.undoing !== undefined,
    );
    return operation.promise;
  }

  sleep(duration: Duration): Promise<void> {
    const lastsMs = toMs(duration, "sleep");
    return this.#sleep(checkTime("sleep", this.#host.now() + lastsMs));
  }

  until(date: Date): Promise<void> {
    return this.#sleep(checkTime("until", new Date(date).getTime()));
  }

  waitFor(name: string, options: SignalOptions = {}): Promise<unknown> {
    if (!this.#host.isDurable) return unavailable(this.#host, "waitFor");
    checkSignal(name);
    const { timeout = defaultSignalTimeout, schema } = options;
    const timeoutMs = toMs(timeout, "timeout");
    checkTime("waitFor", this.#host.now() + timeoutMs);
    const operation = this.#begin("signal", name);
    if (!operation) return never();
    if (!operation.past?.completion && !this.undoing)
      this.#signals.wait(operation, schema, timeoutMs);
    return operation.promise;
  }

  async now(): Promise<Date> {
    const operation = this.#begin("now", "now");
    if (!operation) return never();
    if (!operation.past?.completion && !this.undoing)
      this.#complete(operation, { value: this.#host.now() });
    return new Date((await operation.promise) as number);
  }

  uuid(): string {
    return (this.#inside?.draws ?? this.#draws).uuid();
  }

  random(): number {
    return (this.#inside?.draws ?? this.#draws).random();
  }

  patched(name: string): boolean {
    checkName("patch", name);
    this.#checkOutside(`patch "${name}"`);
    const known = this.#patches.get(name);
    if (known !== undefined) return known;
    const isNew = this.#tape.isNew && !this.undoing;
    this.#patches.set(name, isNew);
    if (!isNew) return false;
    this.#line.add({ kind: "patched", name, at: this.#host.now() });
    return true;
  }

  continueAs(input: unknown): Promise<never> {
    if (!this.#host.isDurable) return unavailable(this.#host, "continueAs");
    checkPlain(
      input,
      "INPUT_INVALID",
      () => `the input to continue task "${this.#host.id}" with`,
    );
    this.#checkOutside("continueAs");
    if (!this.undoing) void this.#continue(input);
    return never();
  }

  /** The handler has returned or thrown: ways of it that go on all the same would begin what is not there next time. */
  ended(): void {
    this.#ended = true;
  }

  /** Nothing of it counts any more, or soon. */
  get isOver(): boolean {
    return this.#over;
  }

  /** The handler has returned: undefined where it has done all that its journal has. */
  misfit(): Suspended | undefined {
    const misfit = this.#tape.leftOver();
    return misfit && misfitting(this.#host, misfit);
  }

  /** It is over: what is on its journal is gone through, and nothing else is done. */
  onlyUndo(error: TroupeError): void {
    this.#undo.begin(stateOf(error), error);
  }

  /** Whether what it waits for has happened meanwhile. */
  anyOver(): Promise<boolean> {
    return this.#waits.anyOver();
  }

  /** The handler is over: what it has begun and not waited for ends with it. */
  finish(): Promise<void> | undefined {
    return this.#calls.hasAttached ? this.#calls.cancelAttached() : undefined;
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

  /** Its worker stops, or has lost the task: another goes on. */
  leave(to: Suspended): void {
    this.#suspend(to);
  }

  /** Nothing of it counts any more. */
  close(): void {
    this.#over = true;
    this.#abort?.abort();
    this.#waits.stop();
    this.#line.close();
    this.#signals.stop();
    this.#calls.stop();
  }

  async #unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    const wasUndoing = this.undoing !== undefined;
    this.#signal(); // for those who ask for it only now
    this.#abort!.abort(error);
    this.#waits.stop();
    this.#undo.begin(state, error);
    await this.#calls.cancelAttached();
    await this.#untilStill();
    // It ended in the midst of its journal, say by its timeout: what comes after that must be undone as well.
    const misfit = await this.#tape.restOf();
    if (!misfit) return this.#undo.run(state, error);
    if (wasUndoing) return new Suspension(misfitting(this.#host, misfit));
    await this.#undo.record(state, error);
    return new Suspension({ why: "behind" });
  }

  get #isIdle(): boolean {
    return (
      this.#trying.running === 0 &&
      this.#line.idle &&
      this.#tape.caughtUp &&
      !this.#over
    );
  }

  #begin(type: Operation["type"], name: string): Operation | undefined {
    if (this.#over || this.#ended) return undefined;
    this.#checkOutside(`${type} "${name}"`);
    if (this.#tape.length >= maxOperations) {
      this.#host.end(journalFull(this.#host));
      return undefined;
    }
    const operation = this.#tape.begin(type, name);
    operation?.promise.catch(() => undefined); // whoever awaits it hears of it
    // Where nothing was done there may be children all the same.
    if (this.undoing && this.#tape.caughtUp) this.#endReplay(this.undoing);
    return operation;
  }

  #checkOutside(what: string): void {
    if (!this.#inside) return;
    throw insideOf(this.#inside.name, what);
  }

  #sleep(untilAtFirst: number): Promise<void> {
    const operation = this.#begin("sleep", "sleep");
    if (!operation) return never();
    if (!operation.past?.completion && !this.undoing) {
      const begun = operation.past?.begun;
      const until = begun?.until ?? untilAtFirst;
      const wait = () =>
        this.#waits.add(operation, {
          until,
          what: `${new Date(until).toISOString()}`,
          due: () => this.#complete(operation, {}),
          isOver: undefined,
        });
      if (begun) wait();
      else this.#line.add(begunEntry(operation, this.#host, { until }), wait);
    }
    return operation.promise as Promise<void>;
  }

  #runStep<Result>(
    operation: Operation,
    run: (attempt: Attempt) => Result | Promise<Result>,
    rules: RetryRules,
    timeoutMs: number | undefined,
  ): void {
    const { name, ordinal } = operation;
    void this.#trying.until(
      operation,
      rules,
      (attempt) => {
        let result: Promise<Result> | Result;
        // What a step draws is its own: it is not drawn when the step is not done again.
        this.#inside = { name, draws: this.#draws.ofStep(ordinal) };
        try {
          result = runAttempt(run, attempt, this.#signal, timeoutMs, name);
        } finally {
          this.#inside = undefined;
        }
        if (!isPromise(result)) return this.#checked(result, name);
        return Promise.resolve(result).then((value) =>
          this.#checked(value, name),
        );
      },
      (tried) => this.#complete(operation, tried),
    );
  }

  /**
   * Whatever is not plain data would be something else when it is read again. What is, is copied as if it was, so that
   * it is the same to the handler each time, and nobody else can change it.
   */
  #checked<Value>(value: Value, step: string): Value {
    checkPlain(
      value,
      "STEP_RESULT_INVALID",
      () => `the result of step "${step}" of task "${this.#host.id}"`,
    );
    return copyOf(value);
  }

  #complete(operation: Operation, more: Done): void {
    operation.live = { value: more.value };
    this.#line.add(doneEntry(operation, this.#host, more));
  }

  #settled(operation: Operation, completion: Completion): void {
    if (completion.kind === "done") this.#undo.done(operation, completion);
    this.#waits.look();
    const why = this.undoing;
    if (why && this.#tape.caughtUp) this.#endReplay(why);
  }

  #endReplay({ error }: { error: TroupeError }): void {
    this.#undo.replayed(() => this.#host.end(error));
  }

  /** Steps at work have heard that they are to stop; what they still do is on the journal then. */
  async #untilStill(): Promise<void> {
    const longest = performance.now() + 10_000;
    while (this.#trying.running > 0 && performance.now() < longest)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#line.drained();
    await new Promise(setImmediate);
  }

  async #continue(input: unknown): Promise<void> {
    this.#ended = true;
    await this.#calls.cancelAttached();
    await this.#untilStill();
    const taken = this.#signals.lastTaken();
    const run = this.#calls.run + 1;
    this.#suspend({ why: "continued", input, run, taken });
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
    this.#suspend({ why, error });
  }

  #suspend(to: Suspended): void {
    if (this.#over) return;
    this.#over = true;
    this.#line.close();
    this.#undo.leave();
    this.#interrupt?.(new Suspension(to));
    this.#host.suspend(to);
  }

  #rulesOf(retry: RetryPolicy | undefined): RetryRules {
    return retry === undefined ? this.#host.rules : retryRules(retry);
  }
}

function timeoutOf({ timeout }: StepOptions<never>): number | undefined {
  return timeout === undefined ? undefined : toMs(timeout, "timeout");
}

/** How a task ends that ends with this error. */
function stateOf({ code }: TroupeError): EndState {
  if (code === "TASK_CANCELED") return "canceled";
  return code === "TASK_REJECTED" ? "rejected" : "failed";
}
