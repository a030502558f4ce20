// How far the undoing of a task has come: a fold of its journal.
import { TroupeError } from "./errors.js";
import type { JournalEntry } from "./journal.js";
import { fromRpcError } from "./rpc.js";
import type { EndState } from "./task.js";

/** An undo that has failed, and was not decided about since. */
export interface UndoFailure {
  op: number;
  attempt: number;
  error: TroupeError;
  /** Undefined where it is not tried again. */
  retryAt: number | undefined;
}

export interface UndoState {
  /** Why it is undone; undefined as long as it is not. */
  why: { error: TroupeError; state: EndState } | undefined;
  /** What there is to undo, in the order in which it was done; undefined where that is not known. */
  ops: readonly number[] | undefined;
  undone: ReadonlySet<number>;
  skipped: ReadonlySet<number>;
  failures: ReadonlyMap<number, UndoFailure>;
  /** The failure that stops those before it. */
  stuck: UndoFailure | undefined;
  /** Somebody has decided about it. */
  isOrdered: boolean;
  /** What stood has been undone by hand: nothing is left to do. */
  isResolved: boolean;
  /** It was ended as it stood: nothing more is undone until somebody orders it. */
  declined: Declined | undefined;
}

/** By whom, and why. */
interface Declined {
  by?: string | undefined;
  note?: string | undefined;
}

export function undoStateOf(entries: readonly JournalEntry[]): UndoState {
  const undone = new Set<number>();
  const skipped = new Set<number>();
  const failures = new Map<number, UndoFailure>();
  const state: UndoState = {
    why: undefined,
    ops: undefined,
    undone,
    skipped,
    failures,
    stuck: undefined,
    isOrdered: false,
    isResolved: false,
    declined: undefined,
  };
  for (const entry of entries) {
    switch (entry.kind) {
      case "undoing":
        state.why = { error: fromRpcError(entry.error), state: entry.state };
        state.ops = entry.ops ?? state.ops;
        break;
      case "undone":
        undone.add(entry.op);
        failures.delete(entry.op);
        break;
      case "undo-failed": {
        const { op, attempt, retryAt } = entry;
        const error = fromRpcError(entry.error);
        failures.set(op, { op, attempt, error, retryAt });
        break;
      }
      case "undo-skipped":
        skipped.add(entry.op);
        failures.delete(entry.op);
        state.isOrdered = true;
        state.declined = undefined;
        break;
      case "undo-retry":
        failures.clear();
        state.isOrdered = true;
        state.declined = undefined;
        break;
      case "undo-declined":
        state.declined = { by: entry.by, note: entry.note };
        break;
      case "undo-resolved":
        state.isResolved = true;
        break;
      default: // not about undoing
    }
  }
  state.stuck = [...failures.values()].find(
    ({ retryAt }) => retryAt === undefined,
  );
  return state;
}

/** A step that was done, by its place and name. */
interface StepName {
  op: number;
  name: string;
}

/** For whoever decides about what could not be undone. */
export interface UndoReport {
  undone: string[];
  skipped: string[];
  /** What is still done, in the order in which it was: the last of them is undone first. */
  standing: string[];
  /** What could not be undone, and why; undefined while it is being undone. */
  stuck: { step: string; error: string; attempts: number } | undefined;
  isResolved: boolean;
  /** It was ended without undoing what still stood, as somebody has ordered. */
  isDeclined: boolean;
}

export function undoReportOf(entries: readonly JournalEntry[]): UndoReport {
  const state = undoStateOf(entries);
  const steps = undoableSteps(entries, state);
  const named = (which: (op: number) => boolean): string[] =>
    steps.filter(({ op }) => which(op)).map(({ name }) => name);
  const { stuck, undone, skipped, isResolved, declined } = state;
  return {
    undone: named((op) => undone.has(op)),
    skipped: named((op) => skipped.has(op)),
    standing: isResolved
      ? []
      : named((op) => !undone.has(op) && !skipped.has(op)),
    stuck: stuck && {
      step: steps.find(({ op }) => op === stuck.op)?.name ?? "",
      error: stuck.error.message,
      attempts: stuck.attempt,
    },
    isResolved,
    isDeclined: declined !== undefined,
  };
}

/** What a task ends with that was ended as it stood. */
export function endedAsItStood(
  why: TroupeError,
  { by, note }: Declined,
  { undone, standing }: Pick<UndoReport, "undone" | "standing">,
): TroupeError {
  const who = by === undefined ? "" : ` by ${by}`;
  const said = note === undefined ? "" : `: ${note}`;
  return new TroupeError(
    "UNDO_FAILED",
    `${why.message}; and it was ended${who} without undoing what it did${said}. Undone: ${listOf(undone)}; still done: ${listOf(standing)}`,
    { data: { failed: why.message, undone, standing }, retryable: false },
  );
}

export function listOf(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : `"${names.join('", "')}"`;
}

/** The done steps and calls that have undos; all that were done, where it is not known which have. */
export function undoableSteps(
  entries: readonly JournalEntry[],
  { ops }: UndoState,
): StepName[] {
  const known = ops && new Set(ops);
  const copied = copiedOf(entries);
  const steps: StepName[] = [];
  let completed = 0;
  for (const entry of entries) {
    if (entry.kind !== "done" && entry.kind !== "failed") continue;
    const isOwn = completed++ >= copied;
    if (entry.kind === "failed" || !isOwn) continue;
    const { type, op, name } = entry;
    const isWork = type === "step" || type === "call";
    if (known ? known.has(op) : isWork) steps.push({ op, name });
  }
  return steps;
}

/** So many completions are those of the task that it was forked from: they are not its to undo. */
function copiedOf([first]: readonly JournalEntry[]): number {
  return first?.kind === "forked" ? first.copied : 0;
}
