// Goes through the journals of all tasks, oldest writes first, some at a time. It remembers where it was, and begins
// again now and then, for what it came by may be of interest later.
import { messagesOn, type StoredMessage } from "../../bus/history/stored.js";
import { parseJournalSubject } from "../../protocol/addresses.js";
import { messageOf } from "../../protocol/errors.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { DutyHost } from "./duty.js";

/** A task with a journal, and a write of it; there may be later ones. */
export interface Written extends TaskName {
  sequence: number;
  at: number;
}

export class JournalWalk {
  readonly #host: DutyHost;
  #from = 1;
  #beganAt = 0;

  constructor(host: DutyHost) {
    this.#host = host;
  }

  /** The next that have writes older than this: those of at most so many writes. It begins again so often. */
  async next(
    mostWrites: number,
    olderThan: number,
    againMs: number,
  ): Promise<Written[]> {
    const { link } = this.#host;
    const { streams, allJournals } = link.subjects;
    this.#beginAgain(link.clock.now(), againMs);
    const found = new Map<string, Written>();
    let read = 0;
    const writes = messagesOn(link, streams.journal, allJournals, this.#from);
    for await (const stored of writes) {
      const at = stored.at.getTime();
      if (at >= olderThan) break;
      const written = this.#toWritten(stored);
      if (written) found.set(stored.subject, written);
      this.#from = stored.sequence + 1;
      if (++read >= mostWrites) break;
    }
    return [...found.values()];
  }

  /** How long the end of a task is kept; 0 where it is for ever. */
  async historyMs(): Promise<number> {
    const { jsm, subjects } = this.#host.link;
    const { config } = await jsm.streams.info(subjects.streams.events);
    return config.max_age / 1_000_000;
  }

  #beginAgain(now: number, everyMs: number): void {
    if (now - this.#beganAt < everyMs) return;
    this.#beganAt = now;
    this.#from = 1;
  }

  /** Whoever may write there may write anything (R7). */
  #toWritten({ subject, sequence, at }: StoredMessage): Written | undefined {
    try {
      return { ...parseJournalSubject(subject), sequence, at: at.getTime() };
    } catch (error) {
      this.#host.link.log.debug(
        { subject, error: messageOf(error) },
        "a journal that is no task's was passed over",
      );
      return undefined;
    }
  }
}
