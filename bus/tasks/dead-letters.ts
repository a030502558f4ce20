// Dead letters: tasks that nobody could finish, with why and what they went through, waiting to be read,
// edited, redriven or purged.
import { redriveId } from "../../protocol/derived-ids.js";
import {
  toErrorCode,
  toTroupeError,
  TroupeError,
  type ErrorCode,
} from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";
import { parseDeadSubject } from "../../protocol/addresses.js";
import { requestIn } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { endOf, pendingTask } from "../history/history.js";
import {
  lastMessage,
  messagesOn,
  type StoredMessage,
} from "../history/stored.js";
import type { UndoReport } from "../../protocol/undo-state.js";
import { withdrawStray } from "./burial.js";
import { subjectAgain, taskAgain, type RedriveOptions } from "./redrive.js";
import { checkSize, type Publisher } from "../streams/publisher.js";
import { removeMessage } from "../streams/removal.js";
import {
  sendToUndo,
  undoReport,
  writeOrder,
  type UndoAnswer,
  type UndoDecision,
  type UndoOptions,
} from "./undo-orders.js";

export interface DeadLetterFilter {
  agent?: string;
  skill?: string;
  /** The id of the dead task. */
  task?: string;
  error?: ErrorCode;
}

/** An event of the dead task, shortened. */
interface PastEvent {
  kind: string;
  attempt?: number;
  at?: string;
  instance?: string;
  error?: string;
}

export class DeadLetter {
  readonly taskId: string;
  readonly agent: string;
  readonly skill: string;
  readonly code: ErrorCode;
  readonly error: string;
  readonly attempts: number;
  /** When it died. */
  readonly at: Date;
  readonly history: readonly PastEvent[];
  /** The message byte for byte as it was submitted. */
  readonly original: Uint8Array;
  readonly sequence: number;
  readonly #stored: StoredMessage;
  readonly #link: Link;
  readonly #publisher: Publisher;

  constructor(link: Link, publisher: Publisher, stored: StoredMessage) {
    const { headers } = stored;
    const { agent, skill, taskId } = parseDeadSubject(stored.subject);
    this.agent = agent;
    this.skill = skill;
    this.taskId = taskId;
    this.code = toErrorCode(headers.errorCode);
    this.error = headers.error ?? "";
    this.attempts = Number(headers.attempt ?? 0);
    this.at = stored.at;
    this.history = historyFrom(headers);
    this.original = stored.body;
    this.sequence = stored.sequence;
    this.#stored = stored;
    this.#link = link;
    this.#publisher = publisher;
  }

  /** The input that it died of; undefined where the message cannot be read. */
  get input(): unknown {
    return requestIn(this.#stored.headers, this.original).input;
  }

  /** Its new task's id: redriving one letter twice is one task. */
  get redriveId(): string {
    return redriveId(this.taskId, this.sequence);
  }

  /**
   * Submits it again as a new task that names the old one; then the letter is gone. Returns the new task's id. Throws
   * ARGUMENT_INVALID where something still stands that could not be undone, or the task has not failed after all.
   */
  async redrive(options: RedriveOptions = {}): Promise<string> {
    const taskId = this.redriveId;
    await this.#refuseUnlessFailed();
    if (options.force !== true) await this.#refuseStanding();
    const { agent, skill } = this;
    const { headers, body } = this.#stored;
    const letter = { taskId: this.taskId, agent, skill, headers, body };
    const task = taskAgain(this.#link, letter, taskId, options);
    checkSize(this.#link, task.subject, task.headers.length + task.body.length);
    await this.#publisher.store(task.subject, task.headers, task.body);
    await this.#purgeAfter(this, `it was submitted again as "${taskId}"`);
    return taskId;
  }

  /** Who wrote it died before the end: the task goes on, or has ended otherwise (burial.ts). */
  async #refuseUnlessFailed(): Promise<void> {
    const { agent, taskId } = this;
    const link = this.#link;
    const end = await endOf(link, taskId, agent);
    if (end && (await withdrawStray(link, this.#stored, end)))
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `task "${taskId}" has not failed after all (see npx troupe tasks show ${taskId}), and nothing of it is to be undone or done again: its letter was left behind, and goes`,
      );
    if (end) return;
    const waiting = await pendingTask(link, taskId, agent);
    if (waiting && waiting.at <= this.at)
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `task "${taskId}" has not ended yet, for who wrote its letter died: a worker ends it when it gets it, or you do (npx troupe tasks cancel ${taskId} --no-undo)`,
      );
  }

  /** Nobody else would know of it any more. */
  async #refuseStanding(): Promise<void> {
    if (this.code !== "UNDO_FAILED") return;
    const report = await this.undoing();
    if (!report)
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `task "${this.taskId}" could not be undone, and what of it still stands is known by its letter alone, for its journal is gone: undo that by hand, and redrive the letter by force (force: true, or --force), or purge it`,
      );
    const { standing, isDeclined } = report;
    if (standing.length === 0 || isDeclined) return;
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `task "${this.taskId}" could not be undone, and a new task would do once more what still stands ("${standing.join('", "')}"): decide about that first (npx troupe dead undo ${this.taskId} --retry, --skip STEP or --resolve), or redrive it by force (force: true, or --force)`,
    );
  }

  /** How far its undoing is; undefined for a task that has done nothing durably, or where that is not known any more. */
  undoing(): Promise<UndoReport | undefined> {
    return undoReport(this.#link, this);
  }

  /**
   * Decides about what could not be undone. `retry`: the undo that failed and those after it are run again. `skip`:
   * one step is passed over, and the others go on. `resolve`: what stood has been undone by hand; nothing is run, and
   * the letter is gone. Resolves when the order will be carried out, whatever dies, with what became of it; the letter
   * goes when all is undone. The task stays failed. Throws ARGUMENT_INVALID where there is nothing to undo.
   */
  async undo(
    decision: UndoDecision,
    options: UndoOptions = {},
  ): Promise<UndoAnswer> {
    await this.#refuseUnlessFailed();
    const link = this.#link;
    const { lane, ...said } = options;
    const order = { ...said, decision };
    const { answer, place } = await writeOrder(
      link,
      this.#publisher,
      this,
      order,
    );
    if (answer === "undone already") return answer;
    if (decision === "resolve") {
      await this.#purgeNewest();
      return answer;
    }
    const { headers, body } = this.#stored;
    const { taskId } = this;
    const { subject: from = "", key } = headers;
    const to = lane === undefined ? {} : { lane };
    const subject = subjectAgain(link, from, taskId, taskId, key, to);
    const original = { subject, headers, body };
    await sendToUndo(link, this.#publisher, this, original, place);
    return answer;
  }

  /** A worker may have brought it up to date meanwhile. */
  async #purgeNewest(): Promise<void> {
    const { agent, skill, taskId } = this;
    const { streams, dead } = this.#link.subjects;
    const subject = dead(agent, skill, taskId);
    const newest = await lastMessage(this.#link, streams.dead, subject);
    if (newest) await this.#purgeAfter(newest, "that it is resolved is kept");
  }

  /** Who may not says what was done all the same. */
  async #purgeAfter(letter: { sequence: number }, done: string): Promise<void> {
    const { stream } = this.#stored;
    try {
      await removeMessage(this.#link, { stream, sequence: letter.sequence });
    } catch (cause) {
      const { code, message } = toTroupeError(cause);
      throw new TroupeError(
        code,
        `${done}, but the dead letter of task "${this.taskId}" still stands, and somebody else is to purge it: ${message}`,
        { cause, retryable: false },
      );
    }
  }

  /** Removes the letter. */
  purge(): Promise<void> {
    return removeMessage(this.#link, this.#stored);
  }
}

function historyFrom(headers: Headers): PastEvent[] {
  try {
    return JSON.parse(headers.history ?? "[]") as PastEvent[];
  } catch {
    return [];
  }
}

/** The dead letters that fit, oldest first. */
export async function* deadLetters(
  link: Link,
  publisher: Publisher,
  filter: DeadLetterFilter = {},
): AsyncGenerator<DeadLetter, void, undefined> {
  const { agent, skill, task: taskId, error } = filter;
  const { streams, deadWhere } = link.subjects;
  const subject = deadWhere({ agent, skill, taskId });
  for await (const stored of messagesOn(link, streams.dead, subject)) {
    const letter = new DeadLetter(link, publisher, stored);
    if (error === undefined || letter.code === error) yield letter;
  }
}
