// What the kinds of operations share.
import type { RetryRules } from "../../bus/delivery/retry.js";
import type { JournalLine } from "./journal-line.js";
import type { StepHost } from "./step-host.js";
import type { Operation } from "./tape.js";
import type { Waits } from "./waits.js";

export interface Parts {
  readonly host: StepHost;
  readonly line: JournalLine;
  readonly waits: Waits;
  /** Tries until it has worked. Undefined when it failed as often as it may: then the operation has failed. */
  attempting<Value>(
    operation: Operation,
    rules: RetryRules,
    run: (attempt: number) => Promise<Value>,
  ): Promise<{ value: Value } | undefined>;
}
