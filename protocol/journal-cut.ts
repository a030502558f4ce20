// What of a journal a fork begins with: all that its operations before one place have, whenever they were done.
//
// An operation begins after all that its place follows from, which are operations before it: so these make a journal of
// their own, which any handler that fitted the whole fits.
import { TroupeError } from "./errors.js";
import {
  isCompletion,
  type JournalEntry,
  type OperationType,
} from "./journal.js";
import { nearest } from "./nearest.js";
import { undoStateOf } from "./undo-state.js";

interface Known {
  place: number;
  type: OperationType;
  name: string;
}

/** The operations of a journal, in their order. */
function operationsOf(entries: readonly JournalEntry[]): Known[] {
  const known = new Map<number, Known>();
  for (const entry of entries)
    if ("op" in entry && "type" in entry)
      known.set(entry.op, {
        place: entry.op,
        type: entry.type,
        name: entry.name,
      });
  return [...known.values()].toSorted((one, other) => one.place - other.place);
}

/**
 * Where an operation stands that is named, or numbered from 0. Throws ARGUMENT_INVALID where there is none, or more
 * than one of the name.
 */
export function placeOf(
  entries: readonly JournalEntry[],
  before: number | string,
  taskId: string,
): number {
  const operations = operationsOf(entries);
  const whole = `the journal of task "${taskId}"`;
  if (operations.length === 0)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `task "${taskId}" has done nothing durable, so there is nothing to fork: submit it anew`,
    );
  if (typeof before === "string") return placeNamed(operations, before, whole);
  const end = operations.at(-1)!.place + 1;
  if (Number.isInteger(before) && before >= 0 && before <= end) return before;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `${whole} has no place ${before}: its operations stand at 0 to ${end - 1}, and ${end} is its end`,
  );
}

function placeNamed(
  operations: readonly Known[],
  name: string,
  whole: string,
): number {
  const [found, ...more] = operations.filter((each) => each.name === name);
  if (!found)
    throw new TroupeError("ARGUMENT_INVALID", unknown(operations, name, whole));
  if (more.length === 0) return found.place;
  const places = [found, ...more].map(({ place }) => place).join(", ");
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `${whole} has several operations "${name}": say which by its place, one of ${places}`,
  );
}

function unknown(
  operations: readonly Known[],
  name: string,
  whole: string,
): string {
  const names = [...new Set(operations.map((each) => each.name))];
  const near = nearest(name, names);
  const advice =
    near === undefined
      ? `it has "${names.slice(0, 20).join('", "')}"`
      : `did you mean "${near}"?`;
  return `${whole} has no operation "${name}": ${advice}`;
}

/** What stands before a place. Nothing of it says that the task had ended, was undone, or did not fit. */
export function cutBefore(
  entries: readonly JournalEntry[],
  place: number,
): JournalEntry[] {
  return entries.filter(
    (entry) =>
      entry.kind === "patched" ||
      ("op" in entry && "type" in entry && entry.op < place),
  );
}

/** Throws ARGUMENT_INVALID where something before that place was undone: its result is none any more. */
export function refuseUndone(
  entries: readonly JournalEntry[],
  place: number,
  taskId: string,
): void {
  const { undone, isResolved, ops = [] } = undoStateOf(entries);
  const over = [...undone, ...(isResolved ? ops : [])];
  const first = Math.min(...over);
  if (first >= place) return;
  const { name } = operationsOf(entries).find((each) => each.place === first)!;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `step "${name}" (place ${first}) of task "${taskId}" was undone, so what it gave is none any more: fork before it, or force it`,
  );
}

/** Operations whose result is that of another task: it is not the fork's to undo them. */
export function copiedOperations(
  entries: readonly JournalEntry[],
): ReadonlySet<number> {
  const [first] = entries;
  if (first?.kind !== "forked") return new Set();
  const completions = entries.filter(isCompletion).slice(0, first.copied);
  return new Set(completions.map(({ op }) => op));
}

/** It has what another task did, and nothing else: whoever made the fork may not have come to submit it. */
export function isOnlyCopied(entries: readonly JournalEntry[]): boolean {
  const [first] = entries;
  if (first?.kind !== "forked") return false;
  return entries.filter(isCompletion).length === first.copied;
}
