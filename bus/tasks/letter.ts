// A dead letter as it is stored: the message as it was submitted, with why it is here and what it has been through.
import type { TroupeError } from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { TaskEvent } from "../../protocol/task.js";

/** What a dead letter is made from. */
export interface Letter extends TaskName {
  subject: string;
  headers: Headers;
  body: Uint8Array;
  skill: string;
  error: TroupeError;
  attempt: number;
  events: readonly TaskEvent[];
  /** The place of the letter that it replaces, 0 for none: another there is a CONFLICT. */
  replaces?: number;
}

/** `essential` where there is no room for more. */
export function letterHeaders({
  agent,
  taskId,
  headers,
  subject,
  attempt,
  error,
  events,
  replaces,
}: Letter): { full: Headers; essential: Headers } {
  const essential: Headers = {
    ...headers,
    messageId: `${agent}.${taskId}.dead${replaces ?? ""}`,
    subject,
    attempt: String(attempt),
    errorCode: error.code,
    schedule: undefined,
    scheduleTarget: undefined,
    rollup: undefined,
    target: undefined,
    undo: undefined,
    expectedLastSubjectSequence:
      replaces === undefined ? undefined : String(replaces),
  };
  const full: Headers = {
    ...essential,
    error: error.message.slice(0, 4096),
    history: historyOf(events),
  };
  return { full, essential };
}

function historyOf(events: readonly TaskEvent[]): string | undefined {
  if (events.length === 0) return undefined;
  const short = events
    .slice(-50)
    .map(({ kind, attempt, at, instance, error }) => ({
      kind,
      attempt,
      at: at?.toISOString(),
      instance,
      error: error?.message.slice(0, 512),
    }));
  return JSON.stringify(short);
}
