// The journal of a task as it is read: what its handler has done durably, and the signals that were sent to it.
import {
  decodeWrite,
  type JournalEntry,
  type JournalWrite,
} from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { Delivery } from "../delivery/delivery.js";
import { messagesOn, type StoredMessage } from "../history/stored.js";
import { readParts, wholeWrite } from "./large-writes.js";
import { readSignals, type Signal } from "./signals.js";

export interface JournalContents {
  entries: JournalEntry[];
  signals: Signal[];
  /** The place of its last message; 0 where there is none. */
  last: number;
  /** When that was written. */
  writtenAt: number | undefined;
  /** When its task went on with another input, the last time. */
  continuedAt: number | undefined;
  /** Some of it stands beside it: see large-writes.ts. */
  hasParts: boolean;
  /** It is that of an earlier task of this id, whose history has aged out: nothing of it counts. */
  isStale: boolean;
}

export const emptyJournal: JournalContents = {
  entries: [],
  signals: [],
  last: 0,
  writtenAt: undefined,
  continuedAt: undefined,
  hasParts: false,
  isStale: false,
};

/** All that a task has done, and the signals that were sent to it. */
export async function readJournal(
  link: Link,
  task: TaskName,
): Promise<JournalContents> {
  const { streams, journal } = link.subjects;
  // It throws for a name that cannot be: then nothing must be under way whose failure nobody hears of.
  const subject = journal(task);
  const contents = { ...emptyJournal, entries: [], signals: [] };
  const [signals] = await Promise.all([
    readSignals(link, task),
    addWrites(link, streams.journal, subject, contents, task),
  ]);
  return { ...contents, signals };
}

async function addWrites(
  link: Link,
  stream: string,
  subject: string,
  contents: JournalContents,
  task: TaskName,
): Promise<void> {
  let parts: ReadonlyMap<number, Uint8Array> | undefined;
  for await (const stored of messagesOn(link, stream, subject)) {
    let write = decodeWrite(stored.body, task.taskId);
    if (write.parts) {
      if (!parts || !write.parts.every((place) => parts!.has(place)))
        parts = await readParts(link, task);
      write = wholeWrite(write.parts, parts, task);
    }
    addWrite(contents, stored, write);
  }
  contents.hasParts = parts !== undefined;
}

/** Without what an earlier task of this id has left behind. */
export function ownPart(
  contents: JournalContents,
  { headers, storedAt }: Pick<Delivery, "headers" | "storedAt">,
): JournalContents {
  const { writtenAt, last, entries } = contents;
  const isOwn =
    writtenAt === undefined ||
    headers.parked !== undefined ||
    headers.attempt !== undefined ||
    headers.undo !== undefined ||
    (entries[0]?.kind === "forked" && headers.forkOf !== undefined) ||
    writtenAt >= Math.floor(storedAt);
  if (!isOwn)
    return {
      ...emptyJournal,
      last,
      hasParts: contents.hasParts,
      isStale: true,
    };
  return last === 0 && contents.signals.length === 0 ? emptyJournal : contents;
}

/** The same for who has the task's message where it is stored. */
export function ownPartFor(
  contents: JournalContents,
  { headers, at }: StoredMessage,
): JournalContents {
  return ownPart(contents, { headers, storedAt: at.getTime() });
}

/** What the handler is run with: its task's input, unless it has continued with another. */
export function inputOf({ entries }: JournalContents, input: unknown): unknown {
  const first = entries[0];
  return first?.kind === "continued" ? first.input : input;
}

function addWrite(
  contents: JournalContents,
  { sequence, at }: StoredMessage,
  { entries }: JournalWrite,
): void {
  for (const entry of entries) contents.entries.push(entry);
  contents.last = sequence;
  contents.writtenAt = at.getTime();
  if (entries[0]?.kind === "continued") contents.continuedAt = at.getTime();
}
