// Which signals a task waits for, as people are told who can send them. It is read from the journal: what a task says
// in words that it waits for is cut, and holds what its handler asks.
import { isCompletion, type JournalEntry } from "../protocol/journal.js";
import { fromRpcError } from "../protocol/rpc.js";
import type { JournalSignal, TaskJournal } from "../protocol/task-journal.js";
import { commandLine } from "./command-line.js";
import { timeOf } from "./times.js";

export type Waited = Pick<TaskJournal, "entries" | "signals">;

export interface Awaited {
  name: string;
  /** It was sent, and nobody has taken it up yet. */
  came?: JournalSignal;
}

/** What a task that has not ended waits for now, each name once. */
export function awaitedSignals({ entries, signals }: Waited): Awaited[] {
  const open = new Map<number, string>();
  for (const entry of entries) {
    if (entry.kind === "undoing") open.clear();
    if (!("type" in entry) || entry.type !== "signal") continue;
    if (entry.kind === "begun") open.set(entry.op, entry.name);
    else if (isCompletion(entry)) open.delete(entry.op);
  }
  return [...new Set(open.values())].map((name) => {
    const came = signals.find(
      (signal) => signal.name === name && !isTaken(entries, signal),
    );
    return { name, ...(came && { came }) };
  });
}

/** Of those from before it went on with another input it is not known. */
function isTaken(
  entries: readonly JournalEntry[],
  { name, id, at }: JournalSignal,
): boolean {
  const [first] = entries;
  if (first?.kind === "continued" && at.getTime() <= first.at) return true;
  return entries.some(
    (entry) =>
      (entry.kind === "refused" || isCompletion(entry)) &&
      entry.type === "signal" &&
      entry.name === name &&
      entry.id === id,
  );
}

/** The command that sends each, and why the last one that came was not taken. */
export function signalRows(
  taskId: string,
  awaited: readonly Awaited[],
  entries: readonly JournalEntry[],
): [string, string][] {
  return awaited.flatMap(({ name, came }) => {
    if (came) return [];
    const refused = entries.findLast(
      (entry) => entry.kind === "refused" && entry.name === name,
    );
    const rows: [string, string][] = [
      ["send by", commandLine`signal ${taskId} ${name} JSON`],
    ];
    if (refused?.kind === "refused")
      rows.push([
        "refused",
        `at ${timeOf(new Date(refused.at))}, ${fromRpcError(refused.error).message}`,
      ]);
    return rows;
  });
}
