// Schedules under trouble: processes that fire them, and the agent that counts what came of it.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type ScheduleOptions,
  type TaskContext,
} from "../../index.js";
import { startChild, type Child } from "./child.js";
import { doer, quiet } from "./doer.js";
import { eventually } from "./eventually.js";

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

export type Firer = Child<Said>;

/** Schedules that fire each second, the processes that fire them, and what came of it. */
export class Ticking {
  readonly bus: Bus;
  /** Of each schedule, as often as its task was handled. */
  readonly firings: ReadonlyMap<string, readonly number[]>;
  readonly #test: TestContext;

  constructor(
    test: TestContext,
    bus: Bus,
    firings: Ticking["firings"] = new Map(),
  ) {
    this.#test = test;
    this.bus = bus;
    this.firings = firings;
  }

  /** The bus serves what is to be done each second. */
  static async on(test: TestContext, bus: Bus): Promise<Ticking> {
    return new Ticking(test, bus, await countFirings(bus));
  }

  /** A process that fires. */
  startFirer(more: Omit<FirerOptions, "url" | "namespace"> = {}) {
    const { url, namespace } = this.bus;
    const told: FirerOptions = { url, namespace, ...more };
    return startChild<Said>(this.#test, "schedule-process", told);
  }

  /** Half of them go to whom is chosen at each firing. */
  async add(
    names: readonly string[],
    options: ScheduleOptions = { missed: "catch up" },
  ): Promise<void> {
    const when = { every: "1s" } as const;
    for (const [at, name] of names.entries()) {
      const target = at % 2 === 0 ? "doer.do" : anyCounter;
      await this.bus.schedule(name, when, target, 1, options);
    }
  }

  get count(): number {
    return [...this.firings.values()].flat().length;
  }

  lastOf(name: string): number {
    return Math.max(0, ...(this.firings.get(name) ?? []));
  }

  /** Each of them still fires, and none was lost or came twice. No more of them. */
  async assertGoingOn(names: readonly string[]): Promise<void> {
    const now = Date.now();
    await this.until(() =>
      names.every((name) => (this.firings.get(name)?.at(-1) ?? 0) > now),
    );
    await this.end(names);
  }

  /** No more of them; what was fired is unbroken. */
  async end(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.bus.schedules.delete(name)));
    for (const name of names) assertUnbroken(name, this.firings.get(name)!);
  }

  async until(condition: () => unknown): Promise<void> {
    await eventually(condition, { timeoutMs: 60_000 });
  }
}

/** What only the counters of firings do: either of two agents. */
const anyCounter = { skill: "count", prefer: "round-robin" } as const;

/** Serves the agent "doer", and two that do `anyCounter`, and remembers each firing by its schedule, as often as its task was handled. */
async function countFirings(bus: Bus): Promise<Map<string, number[]>> {
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
