// What is said of a handler that was checked against a journal.
import type { TaskJournal } from "../../protocol/task-journal.js";

export interface JournalDifference {
  /**
   * `input`: today's schema refuses it. `step`: another operation than the journal has. `goes on`: it does more than
   * the task that ended. `output`, `error`: it ends otherwise. `stuck`: it awaits something else.
   */
  kind: "input" | "step" | "goes on" | "output" | "error" | "stuck";
  /** How many operations it has begun; for a `step` the place of the one that differs. */
  place: number;
  expected: string;
  found: string;
  /** Of an `output`: where in it. */
  path?: string;
}

export interface JournalCheck {
  fits: boolean;
  /** The same in words. */
  message: string;
  difference?: JournalDifference;
}

export function describe(
  { kind, place, expected, found, path }: JournalDifference,
  { taskId, agent, skill }: TaskJournal,
): string {
  const whose = `the handler of ${agent}.${skill} does not fit the journal of task "${taskId}"`;
  switch (kind) {
    case "input":
      return `${whose}: ${found}`;
    case "step":
      return `${whose}: at place ${place} expected ${expected}, found ${found}`;
    case "goes on":
      return `${whose}: it goes on after the journal's end with ${found}, where the task ended as ${expected}`;
    case "output":
      return `${whose}: its result differs${path ? ` at "${path}"` : ""}: expected ${expected}, found ${found}`;
    case "error":
      return `${whose}: expected ${expected}, found ${found}`;
    case "stuck":
      return `${whose}: after ${place} operations expected ${expected}, found ${found}: whatever takes time belongs into task.step`;
  }
}
