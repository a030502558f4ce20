// Schedules under trouble: processes that fire them, and the agent that counts what came of it.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus, type TaskContext } from "../../index.js";
import { startChild, type Child } from "./child.js";
import { doer, quiet } from "./doer.js";

export interface FirerOptions {
  url: string;
  namespace: string;
  /** What its clock says too much. */
  clockShiftMs?: number;
  /** It is killed right before it does this for the second time, or right after; or frozen. */
  at?: { step: Step; when: "before" | "after"; freezes?: boolean };
}

export type Step = "taken" | "task" | "done" | "wake-up" | "acknowledged";

export interface Said {
  fired?: string;
  ready?: number;
}

export const startFirer = (
  test: TestContext,
  options: FirerOptions,
): Promise<Child<Said>> => startChild<Said>(test, "schedule-process", options);

/** What only the counters of firings do: either of two agents. */
export const anyCounter = { skill: "count", prefer: "round-robin" } as const;

/** Serves the agent "doer", and two that do `anyCounter`, and remembers each firing by its schedule, as often as its task was handled. */
export async function countFirings(bus: Bus): Promise<Map<string, number[]>> {
  const firings = new Map<string, number[]>();
  const run = (_input: unknown, { id }: TaskContext) => {
    const [name, time] = id.split("@") as [string, string];
    const times = firings.get(name) ?? [];
    firings.set(name, times);
    times.push(Date.parse(time));
  };
  await bus.serve(doer(run), quiet);
  const count = skill({ description: "Counts", input: z.any(), run });
  for (const name of ["abacus", "tally"])
    await bus.serve(agent(name, { skills: { count } }), quiet);
  return firings;
}

export const oldestFirst = (times: readonly number[]): number[] =>
  times.toSorted((one, other) => one - other);

/** From the first to the last second each once: none is lost, none came twice. */
export function assertUnbroken(name: string, times: readonly number[]): void {
  const sorted = oldestFirst(times);
  const expected = sorted.map((_, at) => sorted[0]! + at * 1_000);
  assert.deepEqual(sorted, expected, `firings of ${name}`);
}
