// troupe dead undo: what a person decides about a task that could not be undone, and what became of that.
import { userInfo } from "node:os";
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import type {
  UndoAnswer,
  UndoDecision,
  UndoOptions,
} from "../bus/tasks/undo-orders.js";
import { toMs, type Duration } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import { nextStep, undoRows } from "./dead-undo.js";
import { whatCame, type Came } from "./dead-undo-wait.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { toDuration } from "./values.js";
import type { Call, Options } from "./verb.js";
import { hintAtWorkers } from "./worker-hint.js";

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
  wait: {
    type: "boolean",
    help: "undo: wait for what comes of it; exits 1 when something still stands",
  },
  timeout: {
    type: "string",
    value: "1m",
    help: "undo: how long --wait waits (default 1m)",
  },
};

interface Order {
  decision: UndoDecision;
  options: UndoOptions;
  /** How long to wait for what comes of it; undefined for not at all. */
  wait: Duration | undefined;
}

/** Throws where it is not one of the three. */
export function orderOf(call: Call): Order {
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
  const timeout = toDuration(call.text("timeout") ?? "1m", "--timeout");
  return { decision, options, wait: call.flag("wait") ? timeout : undefined };
}

export async function orderUndo(
  call: Call,
  bus: Bus,
  letter: DeadLetter,
  { decision, options, wait }: Order,
): Promise<ExitCode> {
  const { output } = call;
  const { taskId, agent, skill } = letter;
  const answer = await letter.undo(decision, options);
  const said = { taskId, decision, ...options, answer };
  const isSent = decision !== "resolve" && answer !== "undone already";
  if (isSent) await hintAtWorkers(call, bus, `${agent}.${skill}`);
  if (wait === undefined) {
    output.result(said, () => answerText(letter, decision, answer, options));
    return exitCodes.done;
  }
  if (decision !== "resolve")
    output.note(answerText(letter, decision, answer, options));
  const came = await whatCame(
    bus,
    letter,
    isSent ? toMs(wait, "--timeout") : 0,
  );
  const gone = came.report.isResolved ? "resolved" : "undone";
  const outcome = came.letter === undefined ? gone : "stands";
  if (output.json)
    output.object({
      ...said,
      outcome,
      undoing: came.report,
      ...errorOf(came.letter),
    });
  else tellOutcome(call, letter, came);
  return came.letter ? exitCodes.taskFailed : exitCodes.done;
}

function answerText(
  { taskId, agent }: DeadLetter,
  decision: UndoDecision,
  answer: UndoAnswer,
  { step }: UndoOptions,
): string {
  const show = commandLine`dead show ${taskId}`;
  switch (answer) {
    case "undone already":
      return `step "${step}" of ${taskId} is undone already: there is nothing to skip. What stands: ${show}`;
    case "resolved before":
      return `what stood of ${taskId} had been undone by hand before: its letter goes`;
    case "ordered before":
      return decision === "skip"
        ? `step "${step}" of ${taskId} had been passed over before; the others go on as soon as a worker of "${agent}" has it, and its letter goes when nothing stands: ${show}`
        : `${taskId} had been ordered to be undone before, and no undo of it has failed for good since; its letter goes when nothing stands: ${show}`;
    case "ordered":
      return decision === "resolve"
        ? `${taskId} is resolved: what stood of it was undone by hand, and its letter goes`
        : `${taskId} is undone further as soon as a worker of "${agent}" has it; its letter goes when nothing stands: ${show}`;
  }
}

const errorOf = (letter: DeadLetter | undefined) =>
  letter ? { error: { code: letter.code, message: letter.error } } : {};

function tellOutcome(
  { output }: Call,
  { taskId }: DeadLetter,
  { letter, report }: Came,
): void {
  output.line(
    letter
      ? `${taskId} still stands`
      : report.isResolved
        ? `${taskId} is resolved: what stood of it was undone by hand, and its letter is gone`
        : `${taskId} is undone: its letter is gone`,
  );
  output.facts(undoRows(report));
  if (!letter) return;
  output.line();
  output.line(nextStep(letter, report));
  output.error(new TroupeError(letter.code, letter.error));
}
