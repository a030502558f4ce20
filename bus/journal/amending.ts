// Writing to the journal of a task without being its executor: whoever works on it is fenced off by that, and whoever
// takes it up reads it.
import {
  hasCode,
  isConflict,
  type TroupeError,
} from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { toRpcError } from "../../protocol/rpc.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { StoredMessage } from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";
import { ownPartFor, readJournal, type JournalContents } from "./journal.js";
import { JournalWriter } from "./journal-writer.js";

const tries = 10;

/**
 * Adds what `amend` makes of the journal as it stands, which may be nothing, and resolves with what it is then. With
 * the task's message what an earlier task of its id has left counts for nothing. Throws CONFLICT where somebody keeps
 * on writing.
 */
export async function amendJournal(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  amend: (journal: JournalContents) => readonly JournalEntry[],
  message?: StoredMessage,
): Promise<Pick<JournalContents, "entries" | "last">> {
  for (let tried = 1; ; tried++) {
    const whole = await readJournal(link, task);
    const journal = message ? ownPartFor(whole, message) : whole;
    const added = amend(journal);
    if (added.length === 0) return journal;
    const writer = new JournalWriter(link, publisher, task, journal);
    try {
      await writer.append([...added], journal.isStale);
      return { entries: [...journal.entries, ...added], last: writer.last };
    } catch (error) {
      if (!isConflict(error) || tried === tries) throw error;
    }
  }
}

/**
 * Keeps a task that has done nothing from ever doing anything: all that is left is to end it so, which whoever takes it
 * up does as well. False where it has done something, or nobody can tell.
 */
export async function sealJournal(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  message: StoredMessage,
  why: TroupeError,
): Promise<boolean> {
  const error = toRpcError(why);
  const seal = { kind: "canceled" as const, at: link.clock.now(), error };
  try {
    const { entries } = await amendJournal(
      link,
      publisher,
      task,
      (journal) => (journal.entries.length === 0 ? [seal] : []),
      message,
    );
    return entries[0]!.kind === "canceled";
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

export const isUnreadable = (error: unknown): error is TroupeError =>
  hasCode(error, "JOURNAL_UNREADABLE");
