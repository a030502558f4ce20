// What the kinds of operations share.
import type { JournalLine } from "./journal-line.js";
import type { StepHost } from "./step-host.js";
import type { Trying } from "./trying.js";
import type { Waits } from "./waits.js";

/** A class, as is whatever lives as long as a task (docs/decisions/0032-what-lives-as-long-as-a-task.md). */
export class Parts {
  readonly host: StepHost;
  readonly line: JournalLine;
  readonly waits: Waits;
  readonly trying: Trying;

  constructor(host: StepHost, line: JournalLine, waits: Waits, trying: Trying) {
    this.host = host;
    this.line = line;
    this.waits = waits;
    this.trying = trying;
  }
}
