// What a person sees of a task that could not be undone.
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import type { JournalEntry } from "../protocol/journal.js";
import {
  undoReportOf,
  undoStateOf,
  type UndoReport,
} from "../protocol/undo-state.js";
import type { Bus } from "../troupe.js";
import { dateOf } from "./times.js";
import { howToServe } from "./worker-hint.js";
import { commandLine } from "./command-line.js";

/** What is undone, what stands, and why. */
export function undoRows(report: UndoReport): [string, string][] {
  const { undone, skipped, standing, stuck, isResolved, isDeclined } = report;
  const rows: [string, string][] = [
    ["undone", undone.toReversed().join(", ")],
    ["skipped", skipped.join(", ")],
    ["still done", standing.join(", ")],
    ["stuck at", stuck ? `${stuck.step}: ${stuck.error}` : ""],
    ["declined", isDeclined ? "it was ended without undoing the rest" : ""],
    ["resolved", isResolved ? "by hand" : ""],
  ];
  return rows.filter(([, text]) => text !== "");
}

export interface UndoOrdered {
  decision: "retry" | "skip";
  at: Date;
  by?: string;
  note?: string;
}

/** What somebody has ordered about the undo that failed, and no worker has come to an end with. */
export function orderedIn(
  entries: readonly JournalEntry[],
): UndoOrdered | undefined {
  const { isOrdered, isResolved, stuck, declined } = undoStateOf(entries);
  const isOver = undoReportOf(entries).standing.length === 0;
  if (!isOrdered || isResolved || stuck || declined || isOver) return undefined;
  const last = entries.findLast(
    (entry) => entry.kind === "undo-retry" || entry.kind === "undo-skipped",
  );
  if (last?.kind !== "undo-retry" && last?.kind !== "undo-skipped")
    return undefined;
  const { kind, at, by, note } = last;
  return {
    decision: kind === "undo-retry" ? "retry" : "skip",
    at: new Date(at),
    ...(by === undefined ? {} : { by }),
    ...(note === undefined ? {} : { note }),
  };
}

/** "retry, at 2030-01-31 12:00:00, by ann: the bank is open; it waits for a worker of "saga", and none is running (…)" */
export async function orderedText(
  bus: Bus,
  agent: string,
  { decision, at, by, note }: UndoOrdered,
): Promise<string> {
  const who = by === undefined ? "" : `, by ${by}`;
  const why = note === undefined ? "" : `: ${note}`;
  const lives = (await bus.instances(agent)).length > 0;
  const worker = `a worker of "${agent}"`;
  const next = lives
    ? `${worker} does it, or will`
    : `it waits for ${worker}, and none is running (${howToServe(agent)})`;
  return `${decision}, at ${dateOf(at)}${who}${why}; ${next}`;
}

/** How a person decides, in one line. */
export function undoOrdersText(taskId: string): string {
  return `${commandLine`dead undo ${taskId} --retry | --skip STEP | --resolve`}; more by ${commandLine`dead show ${taskId}`}`;
}

/** What a person can do about the letter. */
export function nextStep(
  { taskId }: DeadLetter,
  report: UndoReport | undefined,
  ordered?: UndoOrdered,
): string {
  const redrive = `Once it is mended: ${commandLine`dead redrive ${taskId}`}`;
  if (!report || report.standing.length === 0) return redrive;
  const skip = report.stuck?.step ?? report.standing.at(-1)!;
  const retry = `  ${commandLine`dead undo ${taskId} --retry`}`;
  return [
    ...(ordered
      ? [
          "It is ordered to be undone. What should be passed over, or has been undone by hand:",
        ]
      : [
          "Once it can be undone, or should be passed over, or has been undone by hand:",
          retry,
        ]),
    `  ${commandLine`dead undo ${taskId} --skip ${skip}`}`,
    `  ${commandLine`dead undo ${taskId} --resolve`}`,
  ].join("\n");
}
