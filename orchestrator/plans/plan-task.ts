// What a plan needs to run: the durable operations of a task, which the worker gives to the handler of `plan.run`,
// and a way to call for an undo. Said by what it looks like, for the orchestrator does not import workers/.
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import type { Target } from "../../bus/tasks/target.js";
import type { Duration } from "../../protocol/duration.js";
import type { z } from "zod";

export interface PlanCallOptions extends Omit<SubmitOptions, "id"> {
  /** How the call is named on the journal. */
  name?: string;
  undo?: (result: unknown) => unknown;
  /** Cancels it when it is aborted. */
  signal?: AbortSignal;
}

export interface PlanTask {
  readonly id: string;
  /** False for a request that is not stored. */
  readonly durable: boolean;
  step<Result>(
    name: string,
    run: () => Result | Promise<Result>,
  ): Promise<Result>;
  call(
    target: Target,
    input: unknown,
    options?: PlanCallOptions,
  ): Promise<unknown>;
  map<Item>(
    items: readonly Item[],
    each: (item: Item, index: number) => Promise<unknown>,
    options: { concurrency: number },
  ): Promise<unknown[]>;
  sleep(duration: Duration): Promise<void>;
  until(date: Date): Promise<void>;
  waitFor(
    signal: string,
    options?: { schema?: z.ZodType; timeout?: Duration; question?: string },
  ): Promise<unknown>;
  /** False for plans that were past this before Troupe was changed here. */
  patched(change: string): boolean;
  progress(update: {
    progress?: number;
    total?: number;
    message?: string;
    data?: unknown;
  }): void;
}

/** Has something undone: one task, however often it is called, until that has failed. */
export type CallToUndo = (
  target: Target,
  input: unknown,
  id: string,
) => Promise<unknown>;
