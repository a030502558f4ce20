// Writes entries to the journal one write at a time; what comes meanwhile goes together with the next. What is too large
// together goes in smaller writes, so that only what is too large by itself is refused.
import { TroupeError } from "../../protocol/errors.js";
import {
  isCompletion,
  type Completion,
  type JournalEntry,
} from "../../protocol/journal.js";

interface LineEnds {
  append(this: void, entries: JournalEntry[]): Promise<void>;
  /** Throws where another has the task by now; nobody else can write after it. */
  hold(this: void): Promise<void>;
  /** They are stored, in this order. */
  completed(this: void, completions: Completion[]): void;
  /** They are not stored. True where that is because of them, and others can be. */
  refused(this: void, error: unknown): boolean;
  /** All that was added has been written. */
  still(this: void): void;
  /** Nothing more can be written. */
  failed(this: void, error: unknown): void;
}

interface Queued {
  entry: JournalEntry;
  stored: (() => void) | undefined;
}

export class JournalLine {
  // Not the literal that they come in (docs/decisions/0032-what-lives-as-long-as-a-task.md).
  readonly #append: LineEnds["append"];
  readonly #hold: LineEnds["hold"];
  readonly #completed: LineEnds["completed"];
  readonly #refused: LineEnds["refused"];
  readonly #still: LineEnds["still"];
  readonly #failed: LineEnds["failed"];
  #queued: Queued[] = [];
  #writing = false;
  #closed = false;
  #isEmpty: boolean;
  /** So many entries go at once: more were too large together. */
  #atOnce = Infinity;
  #idle: (() => void)[] = [];

  /** `isEmpty` says that nothing is on the journal yet. */
  constructor(ends: LineEnds, isEmpty: boolean) {
    this.#isEmpty = isEmpty;
    this.#append = ends.append;
    this.#hold = ends.hold;
    this.#completed = ends.completed;
    this.#refused = ends.refused;
    this.#still = ends.still;
    this.#failed = ends.failed;
  }

  get idle(): boolean {
    return !this.#writing && this.#queued.length === 0;
  }

  /** Nothing is stored yet that says that its task has begun something. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `stored` is called when it is. */
  add(entry: JournalEntry, stored?: () => void): void {
    if (this.#closed) return;
    this.#queued.push({ entry, stored });
    if (!this.#writing) this.#write();
  }

  /** The same as a promise. Never settles once it is closed. */
  store(entry: JournalEntry): Promise<void> {
    return new Promise((resolve) => this.add(entry, resolve));
  }

  /** Makes sure that the task is still ours. Throws where nothing can be written any more. */
  async hold(): Promise<void> {
    while (!this.idle && !this.#closed) await this.drained();
    this.#writing = true; // what is added meanwhile waits
    try {
      await this.#hold();
    } catch (error) {
      this.#lost(error);
      throw error;
    }
    this.#writing = false;
    if (!this.#closed) this.#next();
  }

  /** Resolves when all that was added is stored, or is not to be any more. */
  drained(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** What is added from now on is dropped. */
  close(): void {
    this.#closed = true;
    this.#queued = [];
    for (const drained of this.#idle.splice(0)) drained();
  }

  #write(): void {
    const written = this.#take();
    this.#writing = true;
    this.#append(written.map(({ entry }) => entry)).then(
      () => this.#written(written),
      (error: unknown) => {
        if (this.#closed) return this.#lost(error);
        if (written.length > 1 && isTooLarge(error)) this.#split(written);
        else if (!this.#refused(error)) return this.#lost(error);
        this.#writing = false;
        this.#next();
      },
    );
  }

  #take(): Queued[] {
    const queued = this.#queued;
    if (queued.length > this.#atOnce) return queued.splice(0, this.#atOnce);
    this.#queued = [];
    this.#atOnce = Infinity;
    return queued;
  }

  #split(refused: Queued[]): void {
    this.#queued = [...refused, ...this.#queued];
    this.#atOnce = Math.ceil(refused.length / 2);
  }

  #lost(error: unknown): void {
    this.#writing = false;
    if (this.#closed) return;
    this.close();
    this.#failed(error);
  }

  #written(written: Queued[]): void {
    this.#writing = false;
    this.#isEmpty = false;
    if (this.#closed) return;
    for (const { stored } of written) stored?.();
    const completions = written.map(({ entry }) => entry).filter(isCompletion);
    if (completions.length > 0) this.#completed(completions);
    this.#next();
  }

  #next(): void {
    if (this.#queued.length > 0) return this.#write();
    this.#still();
    if (this.#idle.length > 0)
      for (const drained of this.#idle.splice(0)) drained();
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof TroupeError && error.code === "PAYLOAD_TOO_LARGE";
}
