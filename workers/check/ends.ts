// How a task ended, and how the handler of today ends.
import type { TroupeError } from "../../protocol/errors.js";
import { fromRpcError } from "../../protocol/rpc.js";
import { isTerminal } from "../../protocol/task.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import { valueDifference } from "./difference.js";
import type { JournalDifference } from "./journal-check.js";

export type End = { output: unknown; error?: never } | { error: TroupeError };

type Tell = (
  kind: JournalDifference["kind"],
  expected: string,
  found: string,
  path?: string,
) => JournalDifference;

/** These ends came from elsewhere: the handler need not have ended. */
const fromOutside: readonly string[] = [
  "TASK_CANCELED",
  "TIMED_OUT",
  "DEADLINE_PASSED",
  "WORKER_LOST",
  "STEP_MISMATCH",
];

/** In words; undefined where the handler had not come to an end of its own. */
export function expectedEnd(journal: TaskJournal): string | undefined {
  if (journal.state === "completed") return "completed";
  const error = expectedError(journal);
  if (!error || fromOutside.includes(error.code)) return undefined;
  return `failed (${error.code}: ${error.message})`;
}

/** Before its undos had a say. */
function expectedError({
  entries,
  state,
  error,
}: TaskJournal): TroupeError | undefined {
  if (state === undefined || !isTerminal(state)) return undefined;
  const undoing = entries.find((entry) => entry.kind === "undoing");
  return undoing ? fromRpcError(undoing.error) : error;
}

export function endDifference(
  journal: TaskJournal,
  end: End,
  tell: Tell,
): JournalDifference | undefined {
  const found = end.error
    ? `failed (${end.error.code}: ${end.error.message})`
    : "completed";
  if (journal.state === "completed") {
    if (end.error) return tell("error", "completed", found);
    const difference = valueDifference(journal.output, end.output);
    if (!difference) return undefined;
    const { path } = difference;
    return tell(
      "output",
      text(difference.expected),
      text(difference.found),
      path,
    );
  }
  const error = expectedError(journal);
  const expected = expectedEnd(journal);
  if (!end.error)
    return expected === undefined ? undefined : tell("error", expected, found);
  // What a retry or an undo says of it stands around it.
  if (error?.message.includes(end.error.message)) return undefined;
  return tell("error", expected ?? "no end", found);
}

function text(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
