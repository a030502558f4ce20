// What a handler can do durably: the operations of `task`, over a journal. It knows the bus by its host only, so that
// a journal can also be gone through without one.
//
// An operation that the journal has is not done again. One that it has not is done, and settled when its completion is
// stored (R3): nothing that follows from it happens before.
import {
  retryRules,
  type RetryPolicy,
  type RetryRules,
} from "../../bus/delivery/retry.js";
import { checkContinuable } from "../../bus/journal/large-writes.js";
import type { Target } from "../../bus/tasks/target.js";
import { copyOf } from "../../protocol/codec.js";
import { toMs, type Duration } from "../../protocol/duration.js";
import { journalSeed, type JournalEntry } from "../../protocol/journal.js";
import { checkPlain } from "../../protocol/plain.js";
import {
  checkFunction,
  checkName,
  checkSignal,
  checkTime,
} from "./arguments.js";
import { isPromise, runAttempt, type Attempt } from "./attempt.js";
import type { ChildOptions } from "./calls.js";
import { Course } from "./course.js";
import { Draws } from "./draws.js";
import { begunEntry } from "./entries.js";
import { insideOf, insideOfUndo, unavailable } from "./refusals.js";
import { defaultSignalTimeout, type SignalOptions } from "./signal-waits.js";
import type { StepHost } from "./step-host.js";
import type { Operation } from "./tape.js";
import { checkTurn } from "./turn.js";
import type { UndoFunction } from "./undo.js";

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
  readonly course: Course;
  readonly #host: StepHost;
  readonly #draws: Draws;
  readonly #patches = new Map<string, boolean>();
  /** The step whose function is being called. */
  #inside: { name: string; draws: Draws } | undefined;

  constructor(host: StepHost, entries: readonly JournalEntry[]) {
    const { agent, id } = host;
    this.#host = host;
    this.#draws = new Draws(journalSeed({ agent, taskId: id }, entries));
    for (const entry of entries)
      if (entry.kind === "patched") this.#patches.set(entry.name, true);
    this.course = new Course(host, this.#draws, entries);
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
      this.course.undo.remember(operation, {
        run: undo as UndoFunction,
        rules,
        timeoutMs,
      });
    if (this.course.isToDo(operation)) {
      const start = () => this.#runStep(operation, run, rules, timeoutMs);
      if (undo) this.course.whenTold(operation, start);
      else start();
    }
    return operation.promise as Promise<Result>;
  }

  call(
    target: Target,
    input: unknown,
    options: ChildOptions = {},
  ): Promise<unknown> {
    if (options.name !== undefined) checkName("call", options.name);
    checkTurn(this.#host, target, options);
    const operation = this.#begin(
      "call",
      this.course.calls.nameOf(target, options),
    );
    if (!operation) return never();
    const { undoBy, undo = undoBy, start = false } = options;
    if (undo && !start)
      this.course.undo.remember(operation, {
        run: undo,
        byTask: undo === undoBy,
        rules: this.#host.rules,
        timeoutMs: undefined,
      });
    this.course.calls.begin(
      operation,
      target,
      input,
      options,
      this.course.undoing !== undefined,
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
    const { timeout = defaultSignalTimeout } = options;
    const timeoutMs = toMs(timeout, "timeout");
    checkTime("waitFor", this.#host.now() + timeoutMs);
    const operation = this.#begin("signal", name);
    if (!operation) return never();
    if (this.course.isToDo(operation))
      this.course.signals.wait(operation, options, timeoutMs);
    return operation.promise;
  }

  async now(): Promise<Date> {
    const operation = this.#begin("now", "now");
    if (!operation) return never();
    if (this.course.isToDo(operation))
      this.course.complete(operation, { value: this.#host.now() });
    return new Date((await operation.promise) as number);
  }

  uuid(): string {
    return this.#drawsHere.uuid();
  }

  random(): number {
    return this.#drawsHere.random();
  }

  get #drawsHere(): Draws {
    return (this.#inside ?? this.course.undo.inside)?.draws ?? this.#draws;
  }

  patched(name: string): boolean {
    checkName("patch", name);
    this.#checkOutside("patch", name);
    const known = this.#patches.get(name);
    if (known !== undefined) return known;
    const isNew = this.course.tape.isNew && !this.course.undoing;
    this.#patches.set(name, isNew);
    if (!isNew) return false;
    this.course.line.add({ kind: "patched", name, at: this.#host.now() });
    return true;
  }

  continueAs(input: unknown): Promise<never> {
    if (!this.#host.isDurable) return unavailable(this.#host, "continueAs");
    checkPlain(
      input,
      "INPUT_INVALID",
      () => `the input to continue task "${this.#host.id}" with`,
    );
    checkContinuable(input, this.#host.id);
    this.#checkOutside("continueAs");
    if (!this.course.undoing) void this.course.continueAs(copyOf(input));
    return never();
  }

  #begin(type: Operation["type"], name: string): Operation | undefined {
    this.#checkOutside(type, name);
    if (!this.course.goesOn) return undefined;
    return this.course.begin(type, name);
  }

  #checkOutside(type: string, name?: string): void {
    const undo = this.course.undo.inside;
    if (!this.#inside && !undo) return;
    const what = name === undefined ? type : `${type} "${name}"`;
    throw undo
      ? insideOfUndo(undo.name, what)
      : insideOf(this.#inside!.name, what);
  }

  #sleep(untilAtFirst: number): Promise<void> {
    const operation = this.#begin("sleep", "sleep");
    if (!operation) return never();
    if (this.course.isToDo(operation)) {
      const begun = operation.past?.begun;
      const until = begun?.until ?? untilAtFirst;
      const wait = () =>
        this.course.waits.add(operation, {
          until,
          what: new Date(until).toISOString(),
          due: () => this.course.complete(operation, {}),
        });
      if (begun) wait();
      else
        this.course.line.add(
          begunEntry(operation, this.#host, { until }),
          wait,
        );
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
    void this.course.trying.until(
      operation,
      rules,
      (attempt) => {
        let result: Promise<Result> | Result;
        // What a step draws is its own: it is not drawn when the step is not done again.
        this.#inside = { name, draws: this.#draws.ofStep(ordinal) };
        try {
          result = runAttempt(
            run,
            attempt,
            this.course.signal,
            timeoutMs,
            name,
          );
        } finally {
          this.#inside = undefined;
        }
        if (!isPromise(result)) return this.#checked(result, name);
        return Promise.resolve(result).then((value) =>
          this.#checked(value, name),
        );
      },
      (tried) => this.course.complete(operation, tried),
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

  #rulesOf(retry: RetryPolicy | undefined): RetryRules {
    return retry === undefined ? this.#host.rules : retryRules(retry);
  }
}

function timeoutOf({ timeout }: StepOptions<never>): number | undefined {
  return timeout === undefined ? undefined : toMs(timeout, "timeout");
}
