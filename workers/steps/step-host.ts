// What the durable operations of a handler need from where it runs: over the bus (durable-host.ts), for an ask, or for
// going through a journal without a bus.
import type { Signal } from "../../bus/journal/signals.js";
import type { RetryRules } from "../../bus/delivery/retry.js";
import type { NamedTarget, Names, Target } from "../../bus/tasks/target.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import type { Outcome } from "../../protocol/outcome.js";
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import type { TaskState } from "../../protocol/task.js";
import type { Suspended } from "./suspension.js";

/** A task that a handler calls. */
export interface Child extends Names {
  id: string;
}

/** Where a task with a key stands in its agent's queue. */
export interface Turn {
  lane: string;
  partition: number;
}

export interface StepHost {
  readonly id: string;
  readonly agent: string;
  readonly skill: string;
  readonly version: string;
  /** How failed steps are tried again, where they do not say. */
  readonly rules: RetryRules;
  /** Whether there is a task that survives this process. */
  readonly isDurable: boolean;
  /** Whether it may go on in another process. */
  readonly canPark: boolean;
  /** Of a task with a key. */
  readonly turn?: Turn | undefined;
  now(): number;
  append(entries: JournalEntry[]): Promise<void>;
  /** Whether another may have the task by now, and may have ended it. */
  readonly isInDoubt: boolean;
  /** Fences off whoever else believes to have it. Throws CONFLICT where another has gone on with it. */
  hold(): Promise<void>;
  /** Whom a target means, where it names a need. */
  choose(target: Target, input: unknown): Promise<Names>;
  /**
   * Submits it: one task, however often it is called. Throws what it cannot be submitted for; PLAN_INVALID where plans
   * call each other too deep.
   */
  startChild(
    child: Child,
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions,
  ): Promise<ChildRun>;
  /** How it has ended; undefined where it has not. */
  outcomeOf(child: Child): Promise<Outcome | undefined>;
  cancelChild(child: Child, reason: string): Promise<void>;
  /** Whom the task of this id was sent to, and how it is; undefined where there is none, or no longer. */
  find(id: string): Promise<(Names & { state: TaskState }) | undefined>;
  /**
   * Submits a task that undoes something: one, however often it is called. It has neither the deadline of what it
   * undoes nor ends with it. `lost` is called when its end can no longer be heard of.
   */
  startUndo(
    child: Child,
    target: NamedTarget,
    input: unknown,
    lost: (error: TroupeError) => void,
  ): Promise<ChildRun>;
  /** Signals to this task, oldest first, as far as they are known. */
  readonly signals: readonly Signal[];
  /** Reads them anew. */
  readSignals(): Promise<void>;
  /** Until it is stopped. `heard` is called when there are more. */
  hearSignals(heard: () => void): () => void;
  /** The handler waits, and does nothing else; or goes on. */
  idle(isIdle: boolean): void;
  /** Leaves the handler where it stands. */
  suspend(to: Suspended): void;
  /** The handler is over, with this. */
  end(error: TroupeError): void;
}

export interface ChildRun {
  /** An earlier run of the handler had begun it. */
  isKnown: boolean;
  /** `heard` is called once, when it has ended. */
  ended(heard: (outcome: Outcome) => void): void;
  /** Hear no more. */
  leave(): void;
}
