// The journal of a task with what it began with and what came of it: what is shown, forked, checked and exported.
import type { TroupeError } from "./errors.js";
import type { JournalEntry } from "./journal.js";
import type { TaskState } from "./task.js";

export interface JournalSignal {
  name: string;
  id: string;
  value: unknown;
  at: Date;
}

export interface TaskJournal {
  taskId: string;
  agent: string;
  /** "" where the task itself has aged out. */
  skill: string;
  /** Undefined where the task itself has aged out. */
  state: TaskState | undefined;
  context?: string;
  /** Which attempt ended it, or how many failed. */
  attempts?: number;
  /** What its handler is run with: that of the task, or of its last `continueAs`. */
  input: unknown;
  /** In the order in which they were written. */
  entries: readonly JournalEntry[];
  /** All that were sent to it, oldest first, taken or not. */
  signals: readonly JournalSignal[];
  output?: unknown;
  error?: TroupeError;
  /** In words: it has left its worker until that happens, at the latest until `dueAt`. */
  waitsFor?: string;
  dueAt?: Date;
}
