// Writes to a journal that are larger than a message: a step's large result, or many results at once. What was to be
// written stands in parts of its own beside the journal, and the write says where.
//
// 1. The parts are stored first. They are nothing to anybody until the write that names them is stored, under the
//    journal's own expectation: so fencing is as for any other write, and who dies in between leaves parts that go with
//    the journal.
// 2. They stand on the journal's stream, so that they are removed with it.
import { encodeBody } from "../../protocol/codec.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import {
  decodeWrite,
  unreadableJournal,
  type JournalWrite,
} from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { messagesOn } from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";

/** For headers, and what the publisher may have to add. */
const roomForHeaders = 4_096;
/** Larger ones would take too much memory wherever the task is run. */
const longestWrite = 64 * 1024 * 1024;

/** Throws PAYLOAD_TOO_LARGE for an input that no journal could begin anew with. */
export function checkContinuable(input: unknown, taskId: string): void {
  const { length } = encodeBody(input);
  if (length + roomForHeaders <= longestWrite) return;
  throw new TroupeError(
    "PAYLOAD_TOO_LARGE",
    `the input to continue task "${taskId}" with has ${length} bytes, and a journal takes ${longestWrite} at once: let it continue with less, or with where it is`,
  );
}

export function fitsMessage(link: Link, bytes: number): boolean {
  return bytes + roomForHeaders <= link.maxPayload;
}

/** Their places, in order. Throws PAYLOAD_TOO_LARGE. */
export async function storeParts(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  write: Uint8Array,
): Promise<number[]> {
  if (write.length > longestWrite)
    throw new TroupeError(
      "PAYLOAD_TOO_LARGE",
      `what task "${task.taskId}" has to write on its journal has ${write.length} bytes, and a journal takes ${longestWrite} at once: let steps return less, or where it is`,
    );
  const subject = link.subjects.journalParts(task);
  const headers = encodeHeaders({});
  const size = link.maxPayload - roomForHeaders;
  const storing: Promise<{ sequence: number }>[] = [];
  for (let from = 0; from < write.length; from += size)
    storing.push(
      publisher.store(subject, headers, write.subarray(from, from + size)),
    );
  const stored = await Promise.all(storing);
  return stored.map(({ sequence }) => sequence);
}

export async function readParts(
  link: Link,
  task: TaskName,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const { streams, journalParts } = link.subjects;
  const parts = new Map<number, Uint8Array>();
  for await (const { sequence, body } of messagesOn(
    link,
    streams.journal,
    journalParts(task),
  ))
    parts.set(sequence, body);
  return parts;
}

/** What was to be written. Throws JOURNAL_UNREADABLE where a part is not there. */
export function wholeWrite(
  places: readonly number[],
  parts: ReadonlyMap<number, Uint8Array>,
  { taskId }: TaskName,
): JournalWrite {
  const found = places.map((place) => {
    const part = parts.get(place);
    if (!part) throw unreadableJournal(taskId, "a part of it is gone");
    return part;
  });
  return decodeWrite(Buffer.concat(found), taskId);
}

/** The journal has begun anew, and names none of them any more. */
export async function forgetParts(
  link: Link,
  publisher: Publisher,
  task: TaskName,
): Promise<void> {
  await publisher.store(
    link.subjects.journalParts(task),
    encodeHeaders({ rollup: "sub" }),
    new Uint8Array(0),
  );
}
