// The durable operations as handlers have them on `task`.
import type { z } from "zod";
import type { InputOf, OutputOf, Target } from "../../bus/tasks/target.js";
import type { Duration } from "../../protocol/duration.js";
import type { Attempt } from "./attempt.js";
import type { ChildOptions } from "./calls.js";
import { mapWith } from "./map.js";
import type { Steps, StepOptions } from "./steps.js";

interface ChildCallOptions<Output> extends Omit<
  ChildOptions,
  "start" | "undo"
> {
  /** Undoes it when the task fails or is canceled after it was done. */
  undo?: (output: Output, attempt: Attempt) => unknown;
}

/**
 * What is done by these is done once, however often the handler is run: its result is on the task's journal. A
 * handler that awaits nothing else may be killed at any point and goes on there, in whichever process.
 */
export interface DurableOperations {
  /**
   * Does something once and keeps its result, which must be plain data. A failed attempt is tried again by `retry`;
   * what is thrown here is the last failure.
   */
  step<Result>(
    name: string,
    run: (attempt: Attempt) => Result | Promise<Result>,
    options?: StepOptions<Result>,
  ): Promise<Result>;
  /** Has a skill do something, by a task of its own that ends with this one. Throws what it failed with. */
  call<To extends Target>(
    target: To,
    input: InputOf<To>,
    options?: ChildCallOptions<OutputOf<To>>,
  ): Promise<OutputOf<To>>;
  /** Starts a task that outlives this one, and does not wait for it: its id. */
  submit<To extends Target>(
    target: To,
    input: InputOf<To>,
    options?: Omit<ChildOptions, "start" | "detached" | "undo" | "undoBy">,
  ): Promise<string>;
  all<const Operations extends readonly unknown[]>(
    operations: Operations,
  ): Promise<{ -readonly [At in keyof Operations]: Awaited<Operations[At]> }>;
  race<Result>(operations: readonly Promise<Result>[]): Promise<Result>;
  any<Result>(operations: readonly Promise<Result>[]): Promise<Result>;
  /** Each item by `each`, at most `concurrency` at once (default: all); the results in the order of the items. */
  map<Item, Result>(
    items: readonly Item[],
    each: (item: Item, index: number) => Promise<Result>,
    options?: { concurrency?: number },
  ): Promise<Result[]>;
  /** However long, it costs no worker anything. */
  sleep(duration: Duration): Promise<void>;
  until(date: Date): Promise<void>;
  /**
   * The value of the next signal of this name; one that was sent before counts. A `question` is what a person is asked,
   * and is told to who looks at the task while it waits. Throws WAIT_TIMED_OUT.
   */
  waitFor<Schema extends z.ZodType = z.ZodType<unknown>>(
    signal: string,
    options?: { schema?: Schema; timeout?: Duration; question?: string },
  ): Promise<z.output<Schema>>;
  /** The time; the same whenever the handler is run again. */
  now(): Promise<Date>;
  /** Random, and the same whenever the handler is run again. */
  uuid(): string;
  random(): number;
  /** Whether a task goes the way of a change that was made to its handler: false for those that were past it before. */
  patched(name: string): boolean;
  /** `return task.continueAs(input)`: begins anew with another input and an empty journal. */
  continueAs(input: unknown): Promise<never>;
}

/** Makes what does them when one is first asked for: most handlers need none. */
export abstract class SteppingContext implements DurableOperations {
  abstract get steps(): Steps;

  step<Result>(
    name: string,
    run: (attempt: Attempt) => Result | Promise<Result>,
    options?: StepOptions<Result>,
  ): Promise<Result> {
    return this.steps.step(name, run, options);
  }

  call<To extends Target>(
    target: To,
    input: InputOf<To>,
    options?: ChildCallOptions<OutputOf<To>>,
  ): Promise<OutputOf<To>> {
    const untyped = options as ChildOptions | undefined;
    return this.steps.call(target, input, untyped) as Promise<OutputOf<To>>;
  }

  submit<To extends Target>(
    target: To,
    input: InputOf<To>,
    options?: Omit<ChildOptions, "start" | "detached" | "undo" | "undoBy">,
  ): Promise<string> {
    const started = { ...options, start: true };
    return this.steps.call(target, input, started) as Promise<string>;
  }

  all<const Operations extends readonly unknown[]>(
    operations: Operations,
  ): Promise<{ -readonly [At in keyof Operations]: Awaited<Operations[At]> }> {
    return Promise.all(operations);
  }

  race<Result>(operations: readonly Promise<Result>[]): Promise<Result> {
    return Promise.race(operations);
  }

  any<Result>(operations: readonly Promise<Result>[]): Promise<Result> {
    return Promise.any(operations);
  }

  map<Item, Result>(
    items: readonly Item[],
    each: (item: Item, index: number) => Promise<Result>,
    { concurrency = Infinity }: { concurrency?: number } = {},
  ): Promise<Result[]> {
    return mapWith(items, each, concurrency);
  }

  sleep(duration: Duration): Promise<void> {
    return this.steps.sleep(duration);
  }

  until(date: Date): Promise<void> {
    return this.steps.until(date);
  }

  waitFor<Schema extends z.ZodType = z.ZodType<unknown>>(
    signal: string,
    options?: { schema?: Schema; timeout?: Duration; question?: string },
  ): Promise<z.output<Schema>> {
    return this.steps.waitFor(signal, options) as Promise<z.output<Schema>>;
  }

  now(): Promise<Date> {
    return this.steps.now();
  }

  uuid(): string {
    return this.steps.uuid();
  }

  random(): number {
    return this.steps.random();
  }

  patched(name: string): boolean {
    return this.steps.patched(name);
  }

  continueAs(input: unknown): Promise<never> {
    return this.steps.continueAs(input);
  }
}
