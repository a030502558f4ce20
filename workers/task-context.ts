// What a handler is given beside its input.
import type { Logger } from "../bus/connection/log.js";
import type { Level } from "../protocol/levels.js";
import type { Progress } from "../protocol/mcp.js";

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

export interface TaskContext extends TaskFacts {
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
}

/** The signal and the logger are made when they are first asked for: most handlers need neither. */
export class HandlerContext implements TaskContext {
  readonly #facts: TaskFacts;
  readonly #host: ContextHost;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #log: Logger | undefined;

  constructor(facts: TaskFacts, host: ContextHost) {
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

  get isAborted(): boolean {
    return this.#aborted !== undefined;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
