// The journal of a task, read and written.
//
// 1. Each write expects to follow the last one that this executor has seen. The server refuses it when another has
//    written in between: then this executor is no longer the task's, and must do nothing more (R2 of steps).
// 2. A write that was refused may be our own, whose acknowledgement got lost: it is recognised by who wrote it.
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import {
  cancelSignal,
  decodeWrite,
  encodeWrite,
  type JournalEntry,
  type JournalWrite,
} from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { Delivery } from "../delivery/delivery.js";
import {
  lastMessageNow,
  messageMissed,
  messagesOn,
  newestOnEach,
  type StoredMessage,
} from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";
import {
  fitsMessage,
  forgetParts,
  readParts,
  storeParts,
  wholeWrite,
} from "./large-writes.js";
import { toSignal, type Signal } from "./signals.js";

export interface JournalContents {
  entries: JournalEntry[];
  signals: Signal[];
  /** The place of its last message; 0 where there is none. */
  last: number;
  /** When that was written. */
  writtenAt: number | undefined;
  /** Some of it stands beside it: see large-writes.ts. */
  hasParts: boolean;
  /** It is that of an earlier task of this id, whose history has aged out: nothing of it counts. */
  isStale: boolean;
}

export const emptyJournal: JournalContents = {
  entries: [],
  signals: [],
  last: 0,
  writtenAt: undefined,
  hasParts: false,
  isStale: false,
};

/** All that a task has done, and the signals that were sent to it. */
export async function readJournal(
  link: Link,
  task: TaskName,
): Promise<JournalContents> {
  const { streams, journal } = link.subjects;
  const contents = { ...emptyJournal, entries: [], signals: [] };
  const [signals] = await Promise.all([
    readSignals(link, task),
    addWrites(link, streams.journal, journal(task), contents, task),
  ]);
  return { ...contents, signals };
}

async function addWrites(
  link: Link,
  stream: string,
  subject: string,
  contents: JournalContents,
  task: TaskName,
): Promise<void> {
  let parts: ReadonlyMap<number, Uint8Array> | undefined;
  for await (const stored of messagesOn(link, stream, subject)) {
    let write = decodeWrite(stored.body, task.taskId);
    if (write.parts) {
      if (!parts || !write.parts.every((place) => parts!.has(place)))
        parts = await readParts(link, task);
      write = wholeWrite(write.parts, parts, task);
    }
    addWrite(contents, stored, write);
  }
  contents.hasParts = parts !== undefined;
}

/** Without what an earlier task of this id has left behind. */
export function ownPart(
  contents: JournalContents,
  { headers, storedAt }: Pick<Delivery, "headers" | "storedAt">,
): JournalContents {
  const { writtenAt, last, entries } = contents;
  const isOwn =
    writtenAt === undefined ||
    headers.parked !== undefined ||
    headers.attempt !== undefined ||
    headers.undo !== undefined ||
    (entries[0]?.kind === "forked" && headers.forkOf !== undefined) ||
    writtenAt >= Math.floor(storedAt);
  if (!isOwn)
    return {
      ...emptyJournal,
      last,
      hasParts: contents.hasParts,
      isStale: true,
    };
  return last === 0 && contents.signals.length === 0 ? emptyJournal : contents;
}

/** What the handler is run with: its task's input, unless it has continued with another. */
export function inputOf({ entries }: JournalContents, input: unknown): unknown {
  const first = entries[0];
  return first?.kind === "continued" ? first.input : input;
}

function addWrite(
  contents: JournalContents,
  { sequence, at }: StoredMessage,
  { entries }: JournalWrite,
): void {
  for (const entry of entries) contents.entries.push(entry);
  contents.last = sequence;
  contents.writtenAt = at.getTime();
}

/** The signals that were sent to a task, oldest first. */
export async function readSignals(
  link: Link,
  task: TaskName,
): Promise<Signal[]> {
  const { streams, signalsTo } = link.subjects;
  const subject = signalsTo(task);
  const stored = await newestOnEach(link, streams.journal, subject);
  for (;;) {
    const after = stored.at(-1)?.sequence ?? 0;
    const missed = await messageMissed(link, streams.journal, subject, after);
    if (!missed) break;
    stored.push(missed);
  }
  return stored.map(toSignal).filter((signal) => signal !== undefined);
}

/** Whether a signal asks that it be canceled, and why. */
export function cancelAsked(signals: readonly Signal[]): string | undefined {
  const asked = signals.find(({ name }) => name === cancelSignal);
  return asked && (typeof asked.value === "string" ? asked.value : "");
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
    { last, hasParts }: Pick<JournalContents, "last" | "hasParts">,
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
