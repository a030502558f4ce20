// The journal of a task in hand, as whoever works on it writes it.
import type { JournalContents } from "../../bus/journal/journal.js";
import { JournalWriter } from "../../bus/journal/journal-writer.js";
import { toTroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { ExecutionHost } from "../assignment.js";

export class OwnJournal {
  readonly #host: ExecutionHost;
  readonly #writer: JournalWriter;
  /** What stood there is an earlier task's. */
  readonly #isStale: boolean;
  readonly #isOver: () => boolean;
  #wrote = false;

  /** `isOver`: nothing that is written counts any more. */
  constructor(
    host: ExecutionHost,
    task: TaskName,
    contents: JournalContents,
    isOver: () => boolean,
  ) {
    const { link, publisher } = host;
    this.#host = host;
    this.#writer = new JournalWriter(link, publisher, task, contents);
    this.#isStale = contents.isStale;
    this.#isOver = isOver;
  }

  /** The place of its last write. */
  get place(): number {
    return this.#writer.last;
  }

  get hasWritten(): boolean {
    return this.#wrote;
  }

  /** Where its stream is full it waits for room: given back, the task would do again what is done. */
  async append(entries: JournalEntry[]): Promise<void> {
    const anew = this.#isStale && !this.#wrote;
    this.#wrote = true;
    for (let pauseMs = 125; ; pauseMs = Math.min(2 * pauseMs, 5_000)) {
      try {
        return await this.#writer.append(entries, anew);
      } catch (thrown) {
        const error = toTroupeError(thrown);
        if (error.code !== "STREAM_FULL" || this.#isOver()) throw error;
        this.#host.logFailed(error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (this.#isOver()) throw error;
      }
    }
  }

  /** What an earlier task of this id has left goes. */
  async clear(): Promise<void> {
    if (this.#isStale && !this.#wrote) await this.append([]);
  }

  /** Nobody else can write from now on. Throws CONFLICT when another has. */
  hold(): Promise<void> {
    // Where nothing was done there is nothing to go on with: an entry would make a workflow of it.
    if (this.place === 0) return this.#writer.check();
    return this.append([{ kind: "held", at: this.#host.link.clock.now() }]);
  }

  /** Throws CONFLICT when another has written. */
  check(): Promise<void> {
    return this.#writer.check();
  }

  async beginAnew(
    entry: JournalEntry,
  ): Promise<Omit<JournalContents, "signals">> {
    await this.#writer.append([entry], true);
    const { last, hasParts } = this.#writer;
    const at = this.#host.link.clock.now();
    const written = { entries: [entry], last, hasParts, isStale: false };
    return { ...written, writtenAt: at, continuedAt: at };
  }
}
