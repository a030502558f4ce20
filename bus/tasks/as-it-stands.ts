// Ending a task that has done something without undoing it: its handler may fit its journal no more, or undoing may do
// harm.
//
// 1. Its journal says so first, under the same expectation as all other writes: whoever works on it is fenced off, and
//    whoever takes it up undoes nothing.
// 2. R1: dead letter, end, and then its message goes, as in workers/failure.ts. Who dies in between may give the order
//    again; and a worker that takes it up finds the letter, or the journal, and does the rest.
// 3. R2: where another end was first, the letter goes.
import { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { toRpcError } from "../../protocol/rpc.js";
import type { EventFacts } from "../../protocol/task-events.js";
import { addressOf } from "../../protocol/task-message.js";
import {
  endedAsItStood,
  undoReportOf,
  undoStateOf,
  type EndState,
} from "../../protocol/undo-state.js";
import type { Link } from "../connection/connection.js";
import {
  endOf,
  eventsOf,
  taskSubjectOf,
  toTaskEvent,
} from "../history/history.js";
import type { StoredMessage } from "../history/stored.js";
import { JournalWriter, ownPart, readJournal } from "../journal/journal.js";
import type { Stored } from "../streams/acknowledgement.js";
import type { Publisher } from "../streams/publisher.js";
import { tryToRemove } from "../streams/removal.js";
import type { Recorder, Subject } from "./recorder.js";
import { requestOf } from "./task-list.js";
import { saidBy } from "./undo-orders.js";

interface Host {
  link: Link;
  publisher: Publisher;
  recorder: Recorder;
}

interface Ending {
  /** Why it is canceled. */
  error: TroupeError;
  by: string | undefined;
  pending: StoredMessage;
  facts: EventFacts;
}

const tries = 10;

/** False when another end was first. */
export async function endAsItStands(
  host: Host,
  task: Subject,
  ending: Ending,
): Promise<boolean> {
  const { error, by, pending, facts } = ending;
  let entries: JournalEntry[];
  try {
    entries = await decline(host, task, pending, error, by);
  } catch (thrown) {
    if (!isUnreadable(thrown)) throw thrown;
    return fail(host, task, ending, endedUnknown(error, by, thrown));
  }
  const { why, declined = {} } = undoStateOf(entries);
  const { error: cause, state } = why!;
  const report = undoReportOf(entries);
  if (report.standing.length === 0 && state !== "failed")
    return host.recorder.ended(task, state, cause, facts);
  const end =
    report.standing.length === 0
      ? cause
      : endedAsItStood(cause, declined, report);
  return fail(host, task, ending, end);
}

const isUnreadable = (thrown: unknown): thrown is TroupeError =>
  thrown instanceof TroupeError && thrown.code === "JOURNAL_UNREADABLE";

/** Nobody can go on with it either, nor write to its journal. */
function endedUnknown(
  why: TroupeError,
  by: string | undefined,
  cause: TroupeError,
): TroupeError {
  const who = by === undefined ? "" : ` by ${by}`;
  return new TroupeError(
    "UNDO_FAILED",
    `${why.message}; and it was ended${who} without undoing what it did, which nobody knows: ${cause.message}`,
    { cause, retryable: false },
  );
}

/** With a letter, where this end is the first. */
async function fail(
  host: Host,
  task: Subject,
  { pending, facts }: Ending,
  end: TroupeError,
): Promise<boolean> {
  const { link, recorder } = host;
  const letter = await bury(host, task, pending, end);
  const first = await recorder.ended(task, "failed", end, facts);
  if (!first && letter) await withdraw(link, task, letter);
  return first;
}

/** Resolves with what is on the journal then. Throws CONFLICT where somebody keeps on writing. */
async function decline(
  { link, publisher }: Host,
  task: Subject,
  { headers, at }: StoredMessage,
  error: TroupeError,
  by: string | undefined,
): Promise<JournalEntry[]> {
  const storedAt = at.getTime();
  for (let tried = 1; ; tried++) {
    const whole = await readJournal(link, task);
    const journal = ownPart(whole, { headers, storedAt });
    const entry = declining(journal.entries, error, by, link.clock.now());
    if (entry.length === 0) return journal.entries;
    const writer = new JournalWriter(link, publisher, task, journal);
    try {
      await writer.append(entry, journal.isStale);
      return [...journal.entries, ...entry];
    } catch (thrown) {
      const isOther =
        thrown instanceof TroupeError && thrown.code === "CONFLICT";
      if (!isOther || tried === tries) throw thrown;
    }
  }
}

function declining(
  entries: readonly JournalEntry[],
  error: TroupeError,
  by: string | undefined,
  at: number,
): JournalEntry[] {
  const { why, declined } = undoStateOf(entries);
  if (declined) return [];
  const state: EndState = "canceled";
  return [
    ...(why
      ? []
      : [{ kind: "undoing" as const, at, error: toRpcError(error), state }]),
    { kind: "undo-declined", at, ...saidBy({ by }) },
  ];
}

/** Undefined where it has ended: a letter would invite to do it once more. */
async function bury(
  { link, recorder }: Host,
  { agent, taskId }: Subject,
  pending: StoredMessage,
  error: TroupeError,
): Promise<Stored | undefined> {
  if (await endOf(link, taskId, agent)) return undefined;
  const events = await eventsOf(link, taskId, agent);
  const subject = taskSubjectOf(pending);
  return recorder.dead({
    subject,
    headers: pending.headers,
    body: pending.body,
    agent,
    skill: addressOf(subject).skill || requestOf(pending).skill,
    taskId,
    error,
    attempt: events.filter(({ kind }) => kind === "attempt").length,
    events,
  });
}

/** Unless it is the end that failed to say so, or that of a worker which has found the letter. */
async function withdraw(
  link: Link,
  { agent, taskId }: Subject,
  { sequence, duplicate }: Stored,
): Promise<void> {
  const end = await endOf(link, taskId, agent);
  if (duplicate || !end || toTaskEvent(end).kind === "failed") return;
  await tryToRemove(link, { stream: link.subjects.streams.dead, sequence });
}
