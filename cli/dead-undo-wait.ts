// What comes of an order to undo a task further.
import { setTimeout as pause } from "node:timers/promises";
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import { formatMs } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import {
  listOf,
  undoReportOf,
  type UndoReport,
} from "../protocol/undo-state.js";
import type { Bus } from "../troupe.js";

export interface Came {
  /** What it says now; undefined where it is gone, for nothing stands. */
  letter: DeadLetter | undefined;
  report: UndoReport;
}

const lookEveryMs = 200;

/**
 * Whoever undoes it removes the letter, or replaces it by one that says what still stands. Throws WAIT_TIMED_OUT when
 * neither happens in time (R9).
 */
export async function whatCame(
  bus: Bus,
  { taskId, agent, sequence }: DeadLetter,
  timeoutMs: number,
): Promise<Came> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const letter = await newestLetter(bus, taskId, agent);
    const report = undoReportOf((await bus.journal(taskId, { agent })).entries);
    if (letter?.sequence !== sequence || timeoutMs === 0)
      return { letter, report };
    if (performance.now() >= giveUpAt)
      throw stillStands(taskId, agent, report, timeoutMs);
    await pause(lookEveryMs);
  }
}

async function newestLetter(
  bus: Bus,
  task: string,
  agent: string,
): Promise<DeadLetter | undefined> {
  for await (const letter of bus.deadLetters({ task, agent })) return letter;
  return undefined;
}

function stillStands(
  taskId: string,
  agent: string,
  { undone, standing }: UndoReport,
  timeoutMs: number,
): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `task "${taskId}" was not undone within ${formatMs(timeoutMs)} (undone: ${listOf(undone)}; still done: ${listOf(standing)}): see whether a worker of "${agent}" is running; the order stands`,
  );
}
