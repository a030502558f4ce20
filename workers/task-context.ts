// What a handler is given beside its input.
import type { Logger } from "../bus/connection/log.js";
import type { Level } from "../protocol/levels.js";
import type { Progress } from "../protocol/mcp.js";
import type { TroupeError } from "../protocol/errors.js";
import { SteppingContext, type DurableOperations } from "./steps/operations.js";
import type { Steps } from "./steps/steps.js";
import type { Suspension } from "./steps/suspension.js";
import type { Run } from "./watch.js";

export interface TaskFacts {
  readonly id: string;
  readonly agent: string;
  readonly skill: string;
  /** From 1. A redelivery after a crash counts as another attempt. */
  readonly attempt: number;
  readonly level: Level;
  readonly context: string | undefined;
  readonly key: string | undefined;
  /** The task fails when it has not ended by then; on the server's clock. */
  readonly deadline: Date | undefined;
  /** False for a request that came by `ask` and is not stored. */
  readonly durable: boolean;
}

export type ProgressReport = Progress & { data?: unknown };
export type ProgressUpdate = number | Partial<ProgressReport>;

export interface TaskContext extends TaskFacts, DurableOperations {
  /** Aborted when the task is canceled, its time is up, or the worker must stop. */
  readonly signal: AbortSignal;
  /** A log with the task's, agent's and trace ids. */
  readonly log: Logger;
  /** Shows how far it is to whoever watches now; it is not stored. */
  progress(update: ProgressUpdate): void;
}

export interface ContextHost {
  makeLog(): Logger;
  sendProgress(progress: ProgressReport): void;
  /** What the handler can do durably, made when it first does. */
  makeSteps(context: HandlerContext): Steps;
}

/** The signal and the logger are made when they are first asked for: most handlers need neither. */
export class HandlerContext extends SteppingContext implements TaskContext {
  readonly #facts: TaskFacts;
  readonly #host: ContextHost;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #log: Logger | undefined;
  #steps: Steps | undefined;
  #run: Run | undefined;
  #stopped: TroupeError | Suspension | undefined;

  constructor(facts: TaskFacts, host: ContextHost) {
    super();
    this.#facts = facts;
    this.#host = host;
  }

  get id(): string {
    return this.#facts.id;
  }

  get agent(): string {
    return this.#facts.agent;
  }

  get skill(): string {
    return this.#facts.skill;
  }

  get attempt(): number {
    return this.#facts.attempt;
  }

  get level(): Level {
    return this.#facts.level;
  }

  get context(): string | undefined {
    return this.#facts.context;
  }

  get key(): string | undefined {
    return this.#facts.key;
  }

  get deadline(): Date | undefined {
    return this.#facts.deadline;
  }

  get durable(): boolean {
    return this.#facts.durable;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  get log(): Logger {
    return (this.#log ??= this.#host.makeLog());
  }

  progress(update: ProgressUpdate): void {
    this.#host.sendProgress(
      typeof update === "number"
        ? { progress: update }
        : { progress: 0, ...update },
    );
  }

  get steps(): Steps {
    return (this.#steps ??= this.#host.makeSteps(this));
  }

  /** Ends its run, also before that has begun; the handler's own result no longer counts. */
  stop(why: TroupeError | Suspension): void {
    this.#stopped ??= why;
    this.#run?.stop(why);
  }

  /** While it rests its time does not run; its deadline does. */
  rest(rests: boolean): void {
    const run = this.#run;
    if (!run) return;
    run.endsAt = rests
      ? run.deadlineAt
      : Math.min(performance.now() + run.timeoutMs, run.deadlineAt);
  }

  bind(run: Run): void {
    this.#run = run;
    if (this.#stopped) run.stop(this.#stopped);
  }

  get isAborted(): boolean {
    return this.#aborted !== undefined;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
