// What a plan needs to run: the durable operations of a task, which the worker gives to the handler of `plan.run`.
// Said by what it looks like, for the orchestrator does not import workers/.
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import type { Target } from "../../bus/tasks/target.js";
import type { Duration } from "../../protocol/duration.js";
import type { z } from "zod";

export interface PlanCallOptions extends Omit<SubmitOptions, "id"> {
  /** How the call is named on the journal. */
  name?: string;
  /** Which task undoes it; one that has failed is called again under the next id. */
  undoBy?: (result: unknown) => UndoTask;
  /** Cancels it when it is aborted. */
  signal?: AbortSignal;
}

interface UndoTask {
  /** The same each time. */
  id: string;
  target: Target;
  input: unknown;
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
