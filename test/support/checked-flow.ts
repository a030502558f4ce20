// A handler "flow.run" of the test, the journal that it leaves, and the check of another against that.
import type { TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  checkJournal,
  skill,
  type TaskContext,
  type TaskJournal,
} from "../../index.js";
import { quiet } from "./doer.js";
import { eventually } from "./eventually.js";
import type { SharedServer } from "./shared-server.js";

export type Handler = (task: TaskContext, input: number) => unknown;

export const flow = (run: Handler, input: z.ZodType = z.number()) =>
  agent("flow", {
    skills: {
      run: skill({
        description: "Runs",
        input,
        retry: { attempts: 2, first: "1ms" },
        run: (n, task) => run(task, n as number),
      }),
      double: skill({
        description: "Doubles",
        input: z.number(),
        run: (n) => n * 2,
      }),
    },
  });

/** The journal that a handler leaves, once its task has ended or stands where it is to. */
export async function recorded(
  shared: SharedServer,
  t: TestContext,
  run: Handler,
  until: (journal: TaskJournal) => boolean = ({ state }) =>
    ["completed", "failed"].includes(state ?? ""),
): Promise<TaskJournal> {
  const bus = await shared.connect(t);
  const worker = await bus.serve(flow(run), quiet);
  const task = await bus.submit("flow.run", 7);
  const journal = await eventually(async () => {
    const found = await bus.journal(task.id);
    return until(found) ? found : undefined;
  });
  await worker.drain();
  return journal!;
}

export const check = (journal: TaskJournal, run: Handler, input?: z.ZodType) =>
  checkJournal(flow(run, input), journal, { timeout: "300ms" });

export const trip: Handler = async (task, n) => {
  const number = task.uuid();
  const a = await task.step("a", () => n + 1);
  const both = await task.all([
    task.step("b", () => ({ at: new Date(0), bytes: new Uint8Array([1]) })),
    task.call("flow.double", a) as Promise<number>,
  ]);
  const winner = await task.race([
    task.step(
      "slow",
      () => new Promise((resolve) => setTimeout(resolve, 80, 1)),
    ),
    task.step("quick", () => 2),
  ]);
  await task.sleep("5ms");
  const now = await task.now();
  return { number, a, both, winner, now, random: task.random() };
};
