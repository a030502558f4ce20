// Why a handler is left where it stands, without a result: its promise is never settled, and whoever takes the task
// up again runs it from its top.
import type { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";

/** How a task ends otherwise than by its output. */
export type EndState = "failed" | "canceled" | "rejected";

export type Suspended =
  /** It waits for longer than a moment. */
  | { why: "parked"; until: number; waitsFor: string; asks: boolean }
  /** Another executor has the task. */
  | { why: "fenced"; error: TroupeError }
  /** The journal cannot be written. */
  | { why: "trouble"; error: TroupeError }
  /** It does not fit its journal. */
  | { why: "mismatch"; error: TroupeError; entry: JournalEntry }
  /** It begins anew with another input. */
  | { why: "continued"; input: unknown; run: number };

export class Suspension {
  readonly to: Suspended;

  constructor(to: Suspended) {
    this.to = to;
  }
}
