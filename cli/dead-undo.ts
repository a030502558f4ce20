// What a person sees of a task that could not be undone.
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import type { UndoReport } from "../protocol/undo-state.js";
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

/** How a person decides, in one line. */
export function undoOrdersText(taskId: string): string {
  return `${commandLine`dead undo ${taskId} --retry | --skip STEP | --resolve`}; more by ${commandLine`dead show ${taskId}`}`;
}

/** What a person can do about the letter. */
export function nextStep(
  { taskId }: DeadLetter,
  report: UndoReport | undefined,
): string {
  const redrive = `Once it is mended: ${commandLine`dead redrive ${taskId}`}`;
  if (!report || report.standing.length === 0) return redrive;
  const skip = report.stuck?.step ?? report.standing.at(-1)!;
  return [
    "Once it can be undone, or should be passed over, or has been undone by hand:",
    `  ${commandLine`dead undo ${taskId} --retry`}`,
    `  ${commandLine`dead undo ${taskId} --skip ${skip}`}`,
    `  ${commandLine`dead undo ${taskId} --resolve`}`,
  ].join("\n");
}
