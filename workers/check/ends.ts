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

/** These ends came from elsewhere: the handler need not have ended, and may have been about to end in any way. */
const fromOutside: readonly string[] = [
  "TASK_CANCELED",
  "TIMED_OUT",
  "DEADLINE_PASSED",
  "WORKER_LOST",
  "STEP_MISMATCH",
];

/** What was thrown stands in the messages of these. */
const around: readonly string[] = ["ATTEMPTS_EXHAUSTED", "UNDO_FAILED"];

/** In words; undefined where the handler had not come to an end of its own. */
export function expectedEnd(journal: TaskJournal): string | undefined {
  if (journal.state === "completed") return "completed";
  const { error, isLast } = recordedError(journal);
  if (!error || !isLast || isFromOutside(error)) return undefined;
  return `failed (${error.code}: ${error.message})`;
}

/** Before its undos had a say. The last, unless the task is tried again. */
function recordedError({ entries, state, error }: TaskJournal): {
  error: TroupeError | undefined;
  isLast: boolean;
} {
  const undoing = entries.find((entry) => entry.kind === "undoing");
  if (undoing) return { error: fromRpcError(undoing.error), isLast: true };
  return { error, isLast: state !== undefined && isTerminal(state) };
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
  const { error, isLast } = recordedError(journal);
  if (error && isLast && isFromOutside(error)) return undefined;
  const expected = expectedEnd(journal);
  if (!end.error)
    return expected === undefined ? undefined : tell("error", expected, found);
  if (isSame(error, end.error)) return undefined;
  return tell("error", expected ?? "no end", found);
}

const isFromOutside = ({ code }: TroupeError) => fromOutside.includes(code);

function isSame(
  recorded: TroupeError | undefined,
  found: TroupeError,
): boolean {
  if (!recorded) return false;
  const { code, message } = recorded;
  if (around.includes(code)) return message.includes(found.message);
  return message === found.message;
}

function text(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
