// The journal of a task as who asks for it is given it: whosever it is, under way or ended.
import { taskUnknown } from "../../protocol/errors.js";
import { parseJournalSubject } from "../../protocol/addresses.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import type { Link } from "../connection/connection.js";
import { pendingTask } from "../history/history.js";
import { lastMessage } from "../history/stored.js";
import { findTask, type TaskSummary } from "../tasks/task-list.js";
import {
  inputOf,
  ownPartFor,
  readJournal,
  type JournalContents,
} from "./journal.js";

/** Without entries for a task that has done nothing durable. Throws TASK_UNKNOWN. */
export async function readTaskJournal(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<TaskJournal> {
  const task = await findTask(link, taskId, agent);
  const whose = task?.agent ?? agent ?? (await writerOf(link, taskId));
  if (whose === undefined) throw taskUnknown(taskId);
  const name = { agent: whose, taskId };
  const contents = await readJournal(link, name);
  if (!task && contents.last === 0) throw taskUnknown(taskId);
  const pending = await pendingTask(link, taskId, whose);
  const own = pending ? ownPartFor(contents, pending) : contents;
  return { ...name, ...factsOf(task, own), ...outcomeOf(task) };
}

function factsOf(task: TaskSummary | undefined, own: JournalContents) {
  const { entries, signals } = own;
  return {
    skill: task?.skill ?? "",
    state: task?.state,
    input: inputOf(own, task?.input),
    entries,
    signals,
  };
}

function outcomeOf(task: TaskSummary | undefined) {
  const { output, error, waitsFor, dueAt, context, attempts } = task ?? {};
  return {
    ...(context === undefined ? {} : { context }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(dueAt === undefined ? {} : { dueAt }),
  };
}

/** The agent of a task that the log no longer knows. */
async function writerOf(
  link: Link,
  taskId: string,
): Promise<string | undefined> {
  const { streams, journalById } = link.subjects;
  const last = await lastMessage(link, streams.journal, journalById(taskId));
  return last && parseJournalSubject(last.subject).agent;
}
