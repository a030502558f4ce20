// What a person orders about a task that could not be undone. The task has ended (R2); only its undoing goes on.
//
// 1. The order is an entry of the task's journal, written under the same expectation as all others: a worker that is
//    undoing the task just then is fenced off, and whoever gets the task next reads the order.
// 2. Then the task's own message goes to its queue once more, marked, for a worker to run its handler's undos. Who dies
//    between the two gives the order again: it is the same journal, and the queue takes the message once.
// 3. The dead letter stands until all is undone or resolved.
import { isCompletion, type JournalEntry } from "../../protocol/journal.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import type { TaskName } from "../../protocol/subjects.js";
import {
  listOf,
  undoableSteps,
  undoReportOf,
  undoStateOf,
  type UndoReport,
} from "../../protocol/undo-state.js";
import type { Link } from "../connection/connection.js";
import { pendingTask } from "../history/history.js";
import { lastMessage } from "../history/stored.js";
import { amendJournal } from "../journal/amending.js";
import { readJournal } from "../journal/journal.js";
import type { Publisher } from "../streams/publisher.js";
import { tryToRemove } from "../streams/removal.js";

export type UndoDecision = "retry" | "skip" | "resolve";

export interface UndoOptions {
  /** skip: which step is passed over. Default the one that could not be undone. */
  step?: string;
  /** Who says so, and why: it is kept on the journal. */
  by?: string;
  note?: string;
  /** Whose workers do it. Default the one that the task came from. */
  lane?: string;
}

interface UndoOrder extends UndoOptions {
  decision: UndoDecision;
}

/**
 * What became of an order: it is on the journal now; the same had been ordered before, and is carried out; what stood
 * had been undone by hand; or the step to be skipped is undone, so that there is nothing to skip.
 */
export type UndoAnswer =
  "ordered" | "ordered before" | "resolved before" | "undone already";

/** The task that a letter is of, and when the letter was written. */
interface DeadTask extends TaskName {
  at: Date;
}

/** The message as it was submitted. */
interface Original {
  subject: string;
  headers: Headers;
  body: Uint8Array;
}

const tries = 10;
/** So often whoever has just ended it may acknowledge it by themselves. */
const patience = 4;
const pauseMs = 50;

/**
 * How far the undoing of a task is; undefined for one that has done nothing durably, or of which that is no longer
 * known: its id has been used for another.
 */
export async function undoReport(
  link: Link,
  task: DeadTask,
): Promise<UndoReport | undefined> {
  const { entries } = await readJournal(link, task);
  const isKnown = entries.some(isCompletion) && isOf(entries, task.at);
  return isKnown ? undoReportOf(entries) : undefined;
}

/**
 * Writes the order on the task's journal, once: where it is fulfilled or under way already nothing is written.
 * Resolves with what became of it, and the place of the journal's last write. Throws ARGUMENT_INVALID where there is nothing to undo, and
 * CONFLICT where somebody keeps on writing.
 */
export async function writeOrder(
  link: Link,
  publisher: Publisher,
  task: DeadTask,
  order: UndoOrder,
): Promise<{ answer: UndoAnswer; place: number }> {
  const waiting = await pendingTask(link, task.taskId, task.agent);
  if (waiting && waiting.at > task.at) throw usedAgain(task);
  let answer: UndoAnswer = "ordered";
  const { last: place } = await amendJournal(
    link,
    publisher,
    task,
    ({ entries }) => {
      if (!isOf(entries, task.at)) throw usedAgain(task);
      const entry = entryOf(task, entries, order, link.clock.now());
      answer = typeof entry === "string" ? entry : "ordered";
      return typeof entry === "string" ? [] : [entry];
    },
  );
  return { answer, place };
}

function entryOf(
  { taskId }: TaskName,
  entries: readonly JournalEntry[],
  { decision, step, by, note }: UndoOrder,
  at: number,
): JournalEntry | Exclude<UndoAnswer, "ordered"> {
  const state = undoStateOf(entries);
  if (!entries.some(isCompletion))
    throw invalid(`task "${taskId}" has done nothing that could be undone`);
  if (state.isResolved) return "resolved before";
  const said = { at, ...saidBy({ by, note }) };
  const { standing } = undoReportOf(entries);
  // All was undone when it failed: its letter tells of the failure, and is not to go with an order that does nothing.
  if (standing.length === 0 && !state.isOrdered)
    throw invalid(
      `all that task "${taskId}" had done is undone already: redrive or purge its letter`,
    );
  if (decision === "resolve") return { kind: "undo-resolved", ...said };
  if (decision === "retry")
    return state.isOrdered && !state.stuck && !state.declined
      ? "ordered before"
      : { kind: "undo-retry", ...said };
  const steps = undoableSteps(entries, state);
  const named = steps.filter(({ name }) => name === step);
  const isStanding = ({ op }: { op: number }) =>
    !state.undone.has(op) && !state.skipped.has(op);
  const isStuck = ({ op }: { op: number }) => op === state.stuck?.op;
  const chosen =
    step === undefined
      ? steps.find(isStuck)
      : (named.find(isStuck) ?? named.findLast(isStanding));
  if (chosen) return { kind: "undo-skipped", op: chosen.op, ...said };
  if (named.length > 0)
    return named.some(({ op }) => state.skipped.has(op))
      ? "ordered before"
      : "undone already";
  throw invalid(
    step === undefined
      ? `no undo of task "${taskId}" has failed for good: name the step to be passed over`
      : `task "${taskId}" has no step "${step}" that could be undone; what stands: ${listOf(standing)}`,
  );
}

/** Throws ARGUMENT_INVALID for what is no text: a journal that has it could not be read any more. */
export function saidBy(said: {
  by?: string | undefined;
  note?: string | undefined;
}): { by?: string; note?: string } {
  for (const [name, text] of Object.entries(said))
    if (text !== undefined && typeof text !== "string")
      throw invalid(`"${name}" of an order is a ${typeof text}: give a text`);
  const { by, note } = said;
  return {
    ...(by === undefined ? {} : { by }),
    ...(note === undefined ? {} : { note }),
  };
}

/** Sends the task to its queue once more. */
export async function sendToUndo(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  { subject, headers, body }: Original,
  place: number,
): Promise<void> {
  const message = encodeHeaders({
    contentType: headers.contentType,
    sender: headers.sender,
    origin: headers.origin,
    context: headers.context,
    key: headers.key,
    parent: headers.parent,
    depth: headers.depth,
    traceparent: headers.traceparent,
    messageId: `${subject}#undo${newToken()}`,
    maybeKnown: "1",
    undo: String(place),
  });
  for (let tried = 1; ; tried++) {
    const { duplicate } = await publisher.store(subject, message, body);
    if (!duplicate) return;
    const there = await queued(link, task);
    if (there?.headers.undo === String(place)) return;
    if (tried === tries)
      throw new TroupeError(
        "BUS_FAILED",
        `task "${task.taskId}" is still in a worker's hands, and was not sent to be undone: order it once more`,
      );
    // Of an earlier order, or left behind by who died when it had ended: who may have it in hand can write nothing any
    // more, and would acknowledge it.
    const isOver = there?.headers.undo !== undefined || tried > patience;
    if (there && isOver && (await tryToRemove(link, there))) continue;
    await new Promise((resolve) => setTimeout(resolve, pauseMs * tried));
  }
}

async function queued(link: Link, { agent, taskId }: TaskName) {
  const { queue, taskById, partitionedById } = link.subjects;
  const [task, keyed] = await Promise.all(
    [taskById(taskId), partitionedById(taskId)].map((subject) =>
      lastMessage(link, queue(agent), subject),
    ),
  );
  return task ?? keyed;
}

/** Clocks agree to less than that. */
const clocksMs = 1_000;

/** Whether a journal is that of the task of a letter, and not of a later one with its id. */
export function isOf(
  entries: readonly JournalEntry[],
  letterAt: Date,
): boolean {
  const [first] = entries;
  return (
    first === undefined ||
    !("at" in first) ||
    first.at <= letterAt.getTime() + clocksMs
  );
}

export function usedAgain({ taskId }: TaskName): TroupeError {
  return invalid(
    `the id of task "${taskId}" has been used for another since it died, and what the first did is no longer known: undo that by hand, and purge the letter`,
  );
}

function invalid(message: string): TroupeError {
  return new TroupeError("ARGUMENT_INVALID", message);
}
