// The journals of all tasks, those with the oldest writes first.
import { parseJournalSubject } from "../../protocol/addresses.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { DutyHost } from "./duty.js";
import { Walk } from "./walk.js";

/** A task with a journal, and a write of it; there may be later ones. */
export interface Written extends TaskName {
  sequence: number;
  at: number;
}

export class JournalWalk {
  readonly #host: DutyHost;
  readonly #walk: Walk<Written & { subject: string }>;

  constructor(host: DutyHost) {
    this.#host = host;
    const { streams, allJournals } = host.link.subjects;
    this.#walk = new Walk(
      host,
      streams.journal,
      allJournals,
      ({ subject, sequence, at }) => ({
        ...parseJournalSubject(subject),
        subject,
        sequence,
        at: at.getTime(),
      }),
    );
  }

  /** The next that have writes older than this: those of at most so many writes. It begins again so often. */
  async next(
    mostWrites: number,
    olderThan: number,
    againMs: number,
  ): Promise<Written[]> {
    const writes = await this.#walk.next(mostWrites, olderThan, againMs);
    return [...new Map(writes.map((each) => [each.subject, each])).values()];
  }

  /** How long the end of a task is kept; 0 where it is for ever. */
  async historyMs(): Promise<number> {
    const { jsm, subjects } = this.#host.link;
    const { config } = await jsm.streams.info(subjects.streams.events);
    return config.max_age / 1_000_000;
  }
}
