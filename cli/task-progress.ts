// How far a task with durable operations is: what is on its journal, whether its handler fits that, and what of it is
// undone.
import {
  cancelSignal,
  misfitOf,
  type JournalEntry,
} from "../protocol/journal.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import type { PlanQuestion } from "../protocol/plan/questions.js";
import { fromRpcError } from "../protocol/rpc.js";
import { isTerminal } from "../protocol/task.js";
import type { TaskJournal } from "../protocol/task-journal.js";
import {
  undoReportOf,
  undoStateOf,
  type UndoReport,
} from "../protocol/undo-state.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import type { Bus } from "../troupe.js";
import { arrivalRows, arrivedFor, type Arrived } from "./came-text.js";
import { commandLine } from "./command-line.js";
import {
  orderedIn,
  orderedText,
  undoOrdersText,
  undoRows,
} from "./dead-undo.js";
import { dateOf, timeOf } from "./times.js";
import type { Fact } from "./output.js";
import { awaitedSignals, signalRows, type Awaited } from "./signal-text.js";
import { asksIn, questionRows, questionsOf } from "./plan-questions.js";

interface Facts {
  /** How many entries it has. */
  journal: number;
  /** Why no worker goes on with it. */
  mismatch?: { version: string; expected: string; found: string; at: Date };
  /** Somebody has asked for it, and it has not ended yet. */
  cancelAsked?: { at: Date; reason: string };
  /** What a plan has asked of people. */
  questions?: PlanQuestion[];
  /** What was sent to it and nobody has taken up. */
  arrived?: Arrived["arrivals"];
  /** It is being undone, or was. */
  undoing?: UndoReport & { since?: Date; why?: string };
}

export interface TaskProgress {
  facts: Partial<Facts>;
  /** An undo that failed and is tried again. */
  again?: { step: string; error: string; at: Date };
  /** Where a person has to decide. */
  hasLetter: boolean;
  /** How a person has decided, where no worker has come to an end with that. */
  ordered?: string;
  /** How the signals that it waits for are sent. */
  signals: [string, string][];
  /** What it waits for and nobody has taken up. */
  arrived?: Arrived;
  trouble?: string;
}

/** Undefined for a task that has done nothing durably. */
export async function progressOf(
  bus: Bus,
  task: TaskSummary,
): Promise<TaskProgress | undefined> {
  const { taskId, agent, state } = task;
  let journal: TaskJournal;
  try {
    journal = await bus.journal(taskId, { agent });
  } catch (error) {
    // The rest of what is known of it can be told all the same.
    if (error instanceof TroupeError && error.code === "TASK_UNKNOWN")
      return undefined;
    return {
      facts: {},
      hasLetter: false,
      signals: [],
      trouble: messageOf(error),
    };
  }
  const { entries } = journal;
  const isOver = isTerminal(state);
  const questions = questionsOf(task, journal);
  const arrived = await arrivedFor(bus, task, journal);
  const facts = {
    ...factsOf(journal, isOver),
    ...(questions.length === 0 ? {} : { questions }),
    ...(arrived && { arrived: arrived.arrivals }),
    ...undoingOf(journal, task),
  };
  if (facts.journal === undefined && !facts.cancelAsked) return undefined;
  const stands = isOver && (facts.undoing?.standing.length ?? 0) > 0;
  const ordered = stands ? orderedIn(entries) : undefined;
  return {
    facts,
    ...againOf(entries),
    ...(arrived && { arrived }),
    signals: isOver
      ? []
      : signalRows(taskId, signalsOf(task, journal), entries),
    hasLetter: stands && (await hasLetter(bus, task)),
    ...(ordered && { ordered: await orderedText(bus, agent, ordered) }),
  };
}

/** What a plan asks is answered by another command. */
function signalsOf(task: TaskSummary, journal: TaskJournal): Awaited[] {
  const asked = asksIn(task, journal).map(({ step }) => step);
  return awaitedSignals(journal).filter(({ name }) => !asked.includes(name));
}

function factsOf(
  { entries, signals }: TaskJournal,
  isOver: boolean,
): Partial<Facts> {
  const isSealed = entries[0]?.kind === "canceled";
  const misfit = misfitOf(entries);
  const asked = signals.find(({ name }) => name === cancelSignal);
  return {
    ...(entries.length === 0 || isSealed ? {} : { journal: entries.length }),
    ...(misfit && !isOver ? { mismatch: toMismatch(misfit) } : {}),
    ...(asked && !isOver
      ? { cancelAsked: { at: asked.at, reason: reasonOf(asked.value) } }
      : {}),
  };
}

const toMismatch = ({
  version,
  expected,
  found,
  at,
}: NonNullable<ReturnType<typeof misfitOf>>) => ({
  version,
  expected,
  found,
  at: new Date(at),
});

const reasonOf = (value: unknown): string =>
  typeof value === "string" ? value : "";

/** Also of one whose workers died of it: what it did before is not undone until somebody says so. */
function undoingOf(
  { entries }: TaskJournal,
  { error }: TaskSummary,
): Pick<Facts, "undoing"> {
  const begun = entries.find(({ kind }) => kind === "undoing");
  const isLost = error?.code === "WORKER_LOST";
  if (begun?.kind !== "undoing" && !isLost) return {};
  const report = undoReportOf(entries);
  if (begun?.kind !== "undoing") return { undoing: report };
  const { code, message } = fromRpcError(begun.error);
  const why = `${code}: ${message}`;
  return { undoing: { ...report, since: new Date(begun.at), why } };
}

function againOf(
  entries: readonly JournalEntry[],
): Pick<TaskProgress, "again"> {
  const { failures } = undoStateOf(entries);
  const last = [...failures.values()].at(-1);
  if (last?.retryAt === undefined) return {};
  const done = entries.find(
    (entry) => entry.kind === "done" && entry.op === last.op,
  );
  const step = done?.kind === "done" ? done.name : "";
  return {
    again: { step, error: last.error.message, at: new Date(last.retryAt) },
  };
}

async function hasLetter(
  bus: Bus,
  { taskId, agent }: TaskSummary,
): Promise<boolean> {
  for await (const _letter of bus.deadLetters({ task: taskId, agent }))
    return true;
  return false;
}

export function progressRows(
  task: TaskSummary,
  progress: TaskProgress | undefined,
): Fact[] {
  if (!progress) return [];
  return [
    ...underWayRows(task, progress),
    ...undoingRows(task, progress),
    ...toDoRows(task, progress),
  ];
}

/** What it waits for, how far it is, and what ends or stops it. */
function underWayRows(
  { taskId }: TaskSummary,
  { facts, signals, arrived, trouble }: TaskProgress,
): Fact[] {
  const { questions = [], journal, cancelAsked, mismatch } = facts;
  return [
    ...questionRows(taskId, questions),
    ...(arrived ? arrivalRows(arrived) : []),
    ...signals,
    ["journal", journal === undefined ? trouble : entriesText(taskId, journal)],
    ["canceled", cancelAsked && askedText(cancelAsked)],
    [
      "stopped",
      mismatch &&
        `version ${mismatch.version} of its handler does not fit: expected ${mismatch.expected}, found ${mismatch.found}`,
    ],
  ];
}

const entriesText = (taskId: string, count: number): string =>
  `${count} ${count === 1 ? "entry" : "entries"}: ${commandLine`journal show ${taskId}`}`;

const askedText = ({ at, reason }: NonNullable<Facts["cancelAsked"]>): string =>
  `asked for at ${dateOf(at)}${reason === "" ? "" : `: ${reason}`}`;

/** What of it is undone, what stands, and what is tried again. */
function undoingRows(
  { state, error }: TaskSummary,
  { facts: { undoing }, again }: TaskProgress,
): Fact[] {
  const goesOn = !isTerminal(state);
  const isGone =
    error?.code === "UNDO_FAILED" && undoing?.standing.length === 0;
  return [
    [
      "undoing",
      undoing?.since && goesOn
        ? `since ${dateOf(undoing.since)}, for ${undoing.why}`
        : undefined,
    ],
    ...(undoing ? undoRows(undoing) : []),
    ["now", isGone ? "nothing of it stands any more" : undefined],
    [
      "tries",
      again && goesOn
        ? `${again.step} again at ${timeOf(again.at)}: ${again.error}`
        : undefined,
    ],
  ];
}

/** Where it needs a person. */
function toDoRows(
  { taskId }: TaskSummary,
  { facts: { mismatch, cancelAsked }, hasLetter, ordered }: TaskProgress,
): Fact[] {
  return [
    [
      "to do",
      mismatch &&
        cancelAsked &&
        `serve a version that fits, or end it without undoing: ${commandLine`tasks cancel ${taskId} --no-undo`}`,
    ],
    ["ordered", ordered],
    ["to do", hasLetter && !ordered ? undoOrdersText(taskId) : undefined],
  ];
}
