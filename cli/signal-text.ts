// Which signals a task waits for, as people are told who can send them.
import type { JournalEntry } from "../protocol/journal.js";
import { fromRpcError } from "../protocol/rpc.js";
import { commandLine } from "./command-line.js";
import { timeOf } from "./event-line.js";

/** Their names, of `signal "agreement"`, which may be one of several waits. */
export const awaitedSignals = (waitsFor: string | undefined): string[] =>
  [...(waitsFor ?? "").matchAll(/\bsignal "([^"]+)"/g)].map(
    ([, name]) => name!,
  );

/** The command that sends each, and why the last one that came was not taken. */
export function signalRows(
  taskId: string,
  waitsFor: string | undefined,
  entries: readonly JournalEntry[],
): [string, string][] {
  return awaitedSignals(waitsFor).flatMap((name) => {
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
