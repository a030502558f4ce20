// The dead letter of a task that could not be undone, for who decides about it.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Bus, DeadLetter } from "../../index.js";
import { eventually } from "./eventually.js";
import { broken, doSteps, letterOf, serveSaga, type Saga } from "./saga.js";
import type { SharedServer } from "./shared-server.js";

interface Stuck extends Saga {
  bus: Bus;
  letter: DeadLetter;
  /** What was undone, in order; a failed attempt with "?". */
  log: string[];
  /** Those whose undos fail. */
  bad: Set<string>;
}

/** A task "stuck" that did a to d, and could undo d only. */
export async function stuck(
  shared: SharedServer,
  t: TestContext,
  key?: string,
): Promise<Stuck> {
  const bus = await shared.connect(t);
  const log: string[] = [];
  const bad = new Set(["c"]);
  const saga = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b", "c", "d"], (name) => {
      log.push(bad.has(name) ? `${name}?` : name);
      if (bad.has(name)) throw new Error("stuck");
    });
    await task.step("no undo", () => 1);
    throw broken();
  });
  const options = { id: "stuck", deadline: "1h" as const };
  const task = await bus.submit(
    "saga.run",
    {},
    key ? { ...options, key } : options,
  );
  await assert.rejects(task.result(), { code: "UNDO_FAILED" });
  const letter = (await letterOf(bus, "stuck"))!;
  return { ...saga, bus, letter, log, bad };
}

export const gone = (bus: Bus) =>
  eventually(async () => (await letterOf(bus, "stuck")) === undefined);
