import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type TaskContext,
  type Worker,
} from "../../index.js";
import { quiet } from "./doer.js";

export type FlowHandler = (task: TaskContext, input: unknown) => unknown;

/** An agent "flow" whose skill "run" is the handler; "double" and "slow" are there to be called. */
export async function serveFlow(
  bus: Bus,
  run: FlowHandler,
): Promise<{ worker: Worker; runs: () => number }> {
  let runs = 0;
  const worker = await bus.serve(
    agent("flow", {
      skills: {
        run: skill({
          description: "Runs",
          input: z.unknown(),
          retry: { attempts: 3, first: "10ms" },
          run: (input, task) => {
            runs++;
            return run(task, input);
          },
        }),
        double: skill({
          description: "Doubles",
          input: z.number(),
          run: (n) => n * 2,
        }),
        slow: skill({
          description: "Takes a while",
          input: z.number(),
          run: (ms, { signal }) =>
            new Promise((resolve) => {
              const timer = setTimeout(() => resolve("done"), ms);
              signal.addEventListener("abort", () => clearTimeout(timer));
            }),
        }),
      },
    }),
    { concurrency: 4, ...quiet },
  );
  return { worker, runs: () => runs };
}
