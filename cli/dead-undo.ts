// troupe dead undo: what a person decides about a task that could not be undone.
import { userInfo } from "node:os";
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import type { UndoDecision, UndoOptions } from "../bus/tasks/undo-orders.js";
import type { UndoReport } from "../protocol/undo-state.js";
import { wrongUsage } from "./exit.js";
import type { Options, Call } from "./verb.js";

export const undoOptions: Options = {
  retry: {
    type: "boolean",
    help: "undo: go on from the undo that failed",
  },
  skip: {
    type: "string",
    value: "STEP",
    help: "undo: pass this step over, and go on with the others",
  },
  resolve: {
    type: "boolean",
    help: "undo: what stood has been undone by hand; run nothing",
  },
  note: {
    type: "string",
    value: "TEXT",
    help: "undo: why; it is kept on the task's journal",
  },
  by: {
    type: "string",
    value: "NAME",
    help: "undo: who says so (default you)",
  },
};

interface Decision {
  decision: UndoDecision;
  options: UndoOptions;
}

/** Throws where it is not one of the three. */
export function decisionOf(call: Call): Decision {
  const step = call.text("skip");
  const note = call.text("note");
  const lane = call.text("lane");
  const chosen: UndoDecision[] = [];
  if (call.flag("retry")) chosen.push("retry");
  if (step !== undefined) chosen.push("skip");
  if (call.flag("resolve")) chosen.push("resolve");
  const [decision, ...more] = chosen;
  if (!decision || more.length > 0)
    throw wrongUsage("say what: --retry, --skip STEP, or --resolve");
  const options = {
    by: call.text("by") ?? userInfo().username,
    ...(step === undefined ? {} : { step }),
    ...(note === undefined ? {} : { note }),
    ...(lane === undefined ? {} : { lane }),
  };
  return { decision, options };
}

export function decidedText(
  { taskId }: DeadLetter,
  decision: UndoDecision,
): string {
  if (decision === "resolve") return `resolved ${taskId}`;
  return `${taskId} is undone further; its letter goes when nothing stands: npx troupe dead show ${taskId}`;
}

/** What is undone, what stands, and why. */
export function undoRows(report: UndoReport): string[][] {
  const { undone, skipped, standing, stuck, isResolved } = report;
  const rows = [
    ["undone", undone.toReversed().join(", ")],
    ["skipped", skipped.join(", ")],
    ["still done", standing.join(", ")],
    ["stuck at", stuck ? `${stuck.step}: ${stuck.error}` : ""],
    ["resolved", isResolved ? "by hand" : ""],
  ];
  return rows.filter(([, text]) => text !== "");
}

/** How a person decides, in one line. */
export function undoOrdersText(taskId: string): string {
  return `npx troupe dead undo ${taskId} --retry | --skip STEP | --resolve; more by npx troupe dead show ${taskId}`;
}

/** What a person can do about the letter. */
export function nextStep(
  { taskId }: DeadLetter,
  report: UndoReport | undefined,
): string {
  const redrive = `Once it is mended: npx troupe dead redrive ${taskId}`;
  if (!report || report.standing.length === 0) return redrive;
  const skip = report.stuck?.step ?? report.standing.at(-1)!;
  return [
    "Once it can be undone, or should be passed over, or has been undone by hand:",
    `  npx troupe dead undo ${taskId} --retry`,
    `  npx troupe dead undo ${taskId} --skip ${JSON.stringify(skip)}`,
    `  npx troupe dead undo ${taskId} --resolve`,
  ].join("\n");
}
