// What is written of an operation.
import type { TroupeError } from "../../protocol/errors.js";
import type { Completion, JournalEntry } from "../../protocol/journal.js";
import { toRpcError } from "../../protocol/rpc.js";
import type { StepHost } from "./step-host.js";
import type { Operation } from "./tape.js";

export interface Done {
  value?: unknown;
  id?: string;
  input?: unknown;
  attempt?: number;
  tookMs?: number | undefined;
}

type Clock = Pick<StepHost, "now">;

/** Whose entry it is. */
export function fieldsOf({ ordinal, type, name }: Operation) {
  return { op: ordinal, type, name };
}

export function begunEntry(
  operation: Operation,
  host: Clock,
  more: { until?: number; agent?: string; skill?: string },
): JournalEntry {
  return { kind: "begun", ...fieldsOf(operation), at: host.now(), ...more };
}

export function doneEntry(
  operation: Operation,
  host: Clock,
  more: Done,
): Completion {
  const entry = {
    kind: "done",
    ...fieldsOf(operation),
    at: host.now(),
    ...more,
  };
  return entry as Completion;
}

export function failedEntry(
  operation: Operation,
  host: Clock,
  error: TroupeError,
  more: Omit<Done, "value"> = {},
): Completion {
  const said = { error: toRpcError(error), ...more };
  const entry = {
    kind: "failed",
    ...fieldsOf(operation),
    at: host.now(),
    ...said,
  };
  return entry as Completion;
}
