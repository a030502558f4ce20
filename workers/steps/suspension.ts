// Why a handler is left where it stands, without a result: its promise is never settled, and whoever takes the task
// up again runs it from its top.
import type { TroupeError } from "../../protocol/errors.js";
import type { Misfit } from "../../protocol/journal.js";

export type Suspended =
  /** It waits for longer than a moment. */
  | { why: "parked"; until: number; waitsFor: string; asks: boolean }
  /** Another executor has the task. */
  | { why: "fenced"; error: TroupeError }
  /** It is being undone, and is to be run again for that, no sooner than then. It keeps its place in the queue. */
  | { why: "undoing"; until: number }
  /** The journal cannot be written. */
  | { why: "trouble"; error: TroupeError }
  /** It does not fit its journal. */
  | { why: "mismatch"; error: TroupeError; entry: Misfit }
  /** It begins anew with another input. */
  | {
      why: "continued";
      input: unknown;
      run: number;
      /** By name: the place of the last signal that is used up. */
      taken: [string, number][];
    };

export class Suspension {
  readonly to: Suspended;

  constructor(to: Suspended) {
    this.to = to;
  }
}
