// What a handler is given beside its input.
import type { Logger } from "../bus/log.js";
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
  /** The task fails when it has not ended by then. */
  readonly deadline: Date | undefined;
  /** False for a request that came by `ask` and is not stored. */
  readonly durable: boolean;
}

export type ProgressUpdate = number | (Partial<Progress> & { data?: unknown });

export interface TaskContext extends TaskFacts {
  /** Aborted when the task is canceled, its time is up, or the worker must stop. */
  readonly signal: AbortSignal;
  /** A log with the task's, agent's and trace ids. */
  readonly log: Logger;
  /** Shows how far it is to whoever watches now; it is not stored. */
  progress(update: ProgressUpdate): void;
}

interface ContextHost {
  log: () => Logger;
  sendProgress: (progress: Progress & { data?: unknown }) => void;
}

/** The signal and the logger are made when they are first asked for: most handlers need neither. */
export class HandlerContext implements TaskContext {
  readonly id: string;
  readonly agent: string;
  readonly skill: string;
  readonly attempt: number;
  readonly level: Level;
  readonly context: string | undefined;
  readonly key: string | undefined;
  readonly deadline: Date | undefined;
  readonly durable: boolean;
  readonly #host: ContextHost;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;
  #log: Logger | undefined;

  constructor(facts: TaskFacts, host: ContextHost) {
    this.id = facts.id;
    this.agent = facts.agent;
    this.skill = facts.skill;
    this.attempt = facts.attempt;
    this.level = facts.level;
    this.context = facts.context;
    this.key = facts.key;
    this.deadline = facts.deadline;
    this.durable = facts.durable;
    this.#host = host;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  get log(): Logger {
    return (this.#log ??= this.#host.log());
  }

  progress(update: ProgressUpdate): void {
    const progress =
      typeof update === "number"
        ? { progress: update }
        : { progress: 0, ...update };
    this.#host.sendProgress(progress);
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
