// What the kinds of operations share.
import type { JournalLine } from "./journal-line.js";
import type { StepHost } from "./step-host.js";
import type { Trying } from "./trying.js";
import type { Waits } from "./waits.js";

export interface Parts {
  readonly host: StepHost;
  readonly line: JournalLine;
  readonly waits: Waits;
  readonly trying: Trying;
}
