// Writing the journal of a task.
//
// 1. Each write expects to follow the last one that this executor has seen. The server refuses it when another has
//    written in between: then this executor is no longer the task's, and must do nothing more (R2 of steps).
// 2. A write that was refused may be our own, whose acknowledgement got lost: it is recognised by who wrote it.
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import {
  decodeWrite,
  encodeWrite,
  type JournalEntry,
  type JournalWrite,
} from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { lastMessageNow } from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";
import { fitsMessage, forgetParts, storeParts } from "./large-writes.js";

/** How the journal stood when it was read: see JournalContents. */
interface Standing {
  last: number;
  hasParts: boolean;
}

let writers = 0;

/** Writes a journal, as long as nobody else does. */
export class JournalWriter {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #task: TaskName;
  readonly #by: string;
  /** The place of the last write. */
  #last: number;
  #hasParts: boolean;
  #count = 0;

  constructor(
    link: Link,
    publisher: Publisher,
    task: TaskName,
    { last, hasParts }: Standing,
  ) {
    this.#link = link;
    this.#publisher = publisher;
    this.#task = task;
    this.#last = last;
    this.#hasParts = hasParts;
    this.#by = `${link.origin}.${(writers++).toString(36)}`;
  }

  get last(): number {
    return this.#last;
  }

  get hasParts(): boolean {
    return this.#hasParts;
  }

  /** Throws CONFLICT when another has written. */
  async check(): Promise<void> {
    const subject = this.#link.subjects.journal(this.#task);
    const { streams } = this.#link.subjects;
    const last = await lastMessageNow(this.#link, streams.journal, subject);
    if ((last?.sequence ?? 0) !== this.#last) throw fenced(this.#task);
  }

  /**
   * Resolves when they are stored; one write at a time. Throws CONFLICT when another has written: this executor is
   * fenced off. With `anew` they replace what was there.
   */
  async append(entries: JournalEntry[], anew = false): Promise<void> {
    const subject = this.#link.subjects.journal(this.#task);
    const n = this.#count++;
    const headers = encodeHeaders({
      expectedLastSubjectSequence: String(this.#last),
      rollup: anew ? "sub" : undefined,
    });
    const hadParts = this.#hasParts;
    if (anew) this.#hasParts = false;
    const write = { by: this.#by, n, entries };
    const whole = encodeWrite(write);
    const body = fitsMessage(this.#link, whole.length)
      ? whole
      : await this.#inParts(write, whole);
    try {
      const stored = await this.#publisher.store(subject, headers, body);
      this.#last = stored.sequence;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const mine = await this.#ownWrite(subject, n);
      if (mine === undefined) throw fenced(this.#task, error);
      this.#last = mine;
    }
    if (anew && hadParts && !this.#hasParts)
      await forgetParts(this.#link, this.#publisher, this.#task);
  }

  async #inParts(write: JournalWrite, whole: Uint8Array): Promise<Uint8Array> {
    const parts = await storeParts(
      this.#link,
      this.#publisher,
      this.#task,
      whole,
    );
    this.#hasParts = true;
    return encodeWrite({ ...write, entries: [], parts });
  }

  async #ownWrite(subject: string, n: number): Promise<number | undefined> {
    const { streams } = this.#link.subjects;
    const last = await lastMessageNow(this.#link, streams.journal, subject);
    if (!last) return undefined;
    try {
      const write = decodeWrite(last.body, this.#task.taskId);
      return write.by === this.#by && write.n === n ? last.sequence : undefined;
    } catch {
      return undefined; // what cannot be read is another's
    }
  }
}

function fenced({ agent, taskId }: TaskName, cause?: TroupeError): TroupeError {
  return new TroupeError(
    "CONFLICT",
    `another instance of "${agent}" works on task "${taskId}": this one was held up for too long and leaves it`,
    { cause },
  );
}
