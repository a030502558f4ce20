// Ending a task that has done something without undoing it: its handler may fit its journal no more, or undoing may do
// harm.
//
// 1. Its journal says so first, under the same expectation as all other writes: whoever works on it is fenced off, and
//    whoever takes it up undoes nothing.
// 2. R1, R2: then it is buried (burial.ts). Who dies in between may give the order again; and a worker that takes it up
//    finds the letter, or the journal, and does the rest.
import { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { toRpcError } from "../../protocol/rpc.js";
import {
  endedAsItStood,
  undoReportOf,
  undoStateOf,
} from "../../protocol/undo-state.js";
import type { Link } from "../connection/connection.js";
import type { StoredMessage } from "../history/stored.js";
import { amendJournal, isUnreadable } from "../journal/amending.js";
import type { Publisher } from "../streams/publisher.js";
import { buryWaiting } from "./burial.js";
import { factsOf, subjectOf } from "./on-behalf.js";
import type { Recorder } from "./recorder.js";
import { saidBy } from "./undo-orders.js";

interface Host {
  link: Link;
  publisher: Publisher;
  recorder: Recorder;
}

/** `why` it is canceled, and `by` whom. False when another end was first. */
export async function endAsItStands(
  host: Host,
  message: StoredMessage,
  why: TroupeError,
  by: string | undefined,
): Promise<boolean> {
  const { origin } = host.link;
  let entries: JournalEntry[];
  try {
    entries = await decline(host, message, why, by);
  } catch (thrown) {
    if (!isUnreadable(thrown)) throw thrown;
    const unknown = endedUnknown(why, by, thrown);
    return buryWaiting(host, message, unknown, origin);
  }
  const { why: said, declined = {} } = undoStateOf(entries);
  const { error, state } = said!;
  const report = undoReportOf(entries);
  if (report.standing.length > 0) {
    const stands = endedAsItStood(error, declined, report);
    return buryWaiting(host, message, stands, origin);
  }
  if (state === "failed") return buryWaiting(host, message, error, origin);
  const facts = factsOf(message, origin);
  return host.recorder.ended(subjectOf(message), state, error, facts);
}

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

/** Resolves with what is on the journal then. Throws CONFLICT where somebody keeps on writing. */
async function decline(
  { link, publisher }: Host,
  message: StoredMessage,
  error: TroupeError,
  by: string | undefined,
): Promise<JournalEntry[]> {
  const at = link.clock.now();
  const undoing: JournalEntry = {
    kind: "undoing",
    at,
    error: toRpcError(error),
    state: "canceled",
  };
  const entry: JournalEntry = { kind: "undo-declined", at, ...saidBy({ by }) };
  const { entries } = await amendJournal(
    link,
    publisher,
    subjectOf(message),
    (journal) => {
      const { why, declined } = undoStateOf(journal.entries);
      if (declined) return [];
      return why ? [entry] : [undoing, entry];
    },
    message,
  );
  return entries;
}
