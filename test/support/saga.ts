// An agent "saga" whose skill "run" is the test's own handler: steps with undos that say what they do.
import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type RetryPolicy,
  type ServeOptions,
  type TaskContext,
  type Worker,
} from "../../index.js";
import { quiet } from "./doer.js";

export interface Saga {
  worker: Worker;
  /** How often the handler was run. */
  runs: () => number;
}

export type SagaHandler = (
  task: TaskContext,
  input: unknown,
  run: number,
) => unknown;

export function sagaAgent(
  run: (input: unknown, task: TaskContext) => unknown,
  options: { timeout?: `${number}ms`; retry?: RetryPolicy } = {},
) {
  const { timeout = "60000ms", retry = { attempts: 1 } } = options;
  return agent("saga", {
    skills: {
      run: skill({
        description: "Does things that can be undone",
        input: z.unknown(),
        timeout,
        retry,
        run,
      }),
    },
  });
}

export async function serveSaga(
  bus: Bus,
  handler: SagaHandler,
  options: Parameters<typeof sagaAgent>[1] & { serve?: ServeOptions } = {},
): Promise<Saga> {
  let runs = 0;
  const definition = sagaAgent(
    (input, task) => handler(task, input, ++runs),
    options,
  );
  const worker = await bus.serve(definition, {
    concurrency: 4,
    ...quiet,
    ...options.serve,
  });
  return { worker, runs: () => runs };
}

/** Fails at once and for good. */
export function broken(message = "broken"): Error {
  return Object.assign(new Error(message), { retryable: false });
}

/** Steps of these names, whose undos are told. */
export async function doSteps(
  task: TaskContext,
  names: readonly string[],
  undo: (name: string, attempt: number) => unknown,
  retry: RetryPolicy = { attempts: 1 },
): Promise<void> {
  for (const name of names)
    await task.step(name, () => `${name}!`, {
      undo: (_result, { attempt }) => undo(name, attempt),
      retry,
    });
}

/** The one dead letter of a task. */
export async function letterOf(bus: Bus, task: string) {
  for await (const letter of bus.deadLetters({ task })) return letter;
  return undefined;
}
