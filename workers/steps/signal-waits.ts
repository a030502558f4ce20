// Waiting for signals. Each wait for a name takes the oldest signal of that name that no other wait has taken.
import type { z } from "zod";
import type { Signal } from "../../bus/journal/signals.js";
import { copyOf } from "../../protocol/codec.js";
import { formatMs, type Duration } from "../../protocol/duration.js";
import { toTroupeError, TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { checkPlain } from "../../protocol/plain.js";
import { toRpcError } from "../../protocol/rpc.js";
import { parseWith } from "../../protocol/schema.js";
import { begunEntry, doneEntry, failedEntry, fieldsOf } from "./entries.js";
import type { Parts } from "./parts.js";
import type { Operation } from "./tape.js";

export const defaultSignalTimeout: Duration = "7d";

export interface SignalOptions {
  schema?: z.ZodType;
  /** Default 7d. */
  timeout?: Duration;
  /** What a person is asked: told to who looks at the task while it waits. */
  question?: string;
}

/** Of those of which no signal is left. */
const rememberedNames = 8;

interface Waiting {
  operation: Operation;
  schema: z.ZodType | undefined;
}

export class SignalWaits {
  readonly #parts: Parts;
  /** Ids of signals that are used up. */
  readonly #taken = new Set<string>();
  /** By name: the place of the last that was used up before the task continued. */
  #before: ReadonlyMap<string, number> = new Map();
  /** Oldest first. */
  readonly #waiting: Waiting[] = [];
  #stopHearing: (() => void) | undefined;
  #giving: Promise<void> | undefined;

  constructor(parts: Parts, entries: readonly JournalEntry[]) {
    this.#parts = parts;
    const [first] = entries;
    if (first?.kind === "continued") this.#before = new Map(first.taken);
    for (const entry of entries) {
      const isTaken =
        entry.kind === "refused" ||
        ((entry.kind === "done" || entry.kind === "failed") &&
          entry.type === "signal");
      if (isTaken && entry.id !== undefined) this.#taken.add(key(entry));
    }
  }

  /** The completion of the operation is the signal's value, or WAIT_TIMED_OUT. */
  wait(
    operation: Operation,
    { schema, question }: SignalOptions,
    timeoutMs: number,
  ): void {
    const { host, line, waits } = this.#parts;
    const begun = operation.past?.begun;
    const until = begun?.until ?? host.now() + timeoutMs;
    const { name } = operation;
    const wait = () => {
      const waiting: Waiting = { operation, schema };
      this.#waiting.push(waiting);
      waits.add(operation, {
        until,
        what: inWords(name, question),
        asks: true,
        due: () => {
          this.#remove(waiting);
          line.add(
            failedEntry(
              operation,
              host,
              outOfTime(host, name, until - (begun?.at ?? until - timeoutMs)),
            ),
          );
        },
        hasHappened: async () => {
          await host.readSignals();
          return this.#find(name) !== undefined;
        },
      });
      this.#hear();
      this.#give();
    };
    if (begun) wait();
    else line.add(begunEntry(operation, host, { until }), wait);
  }

  /**
   * By name: the place of the last that is used up. Each wait takes the oldest, so those before it are, too. A name of
   * which none is left is forgotten when others have followed, or names that are used once would pile up; not at once,
   * for a replica that lags behind shows once more what was removed.
   */
  lastTaken(): [string, number][] {
    const last = new Map(this.#newestTaken());
    for (const signal of this.#parts.host.signals) {
      const { name, sequence } = signal;
      const before = this.#before.get(name) ?? 0;
      if (this.#taken.has(key(signal)) || sequence <= before)
        last.set(name, sequence);
    }
    return [...last];
  }

  #newestTaken(): [string, number][] {
    const taken = [...this.#before].toSorted(([, a], [, b]) => a - b);
    return taken.slice(-rememberedNames);
  }

  stop(): void {
    this.#stopHearing?.();
    this.#stopHearing = undefined;
    this.#waiting.length = 0;
  }

  /** Heard first and read then, so that none falls between. */
  #hear(): void {
    if (this.#stopHearing) return;
    this.#stopHearing = this.#parts.host.hearSignals(() => this.#give());
  }

  #give(): void {
    this.#giving = (this.#giving ?? Promise.resolve()).then(() =>
      this.#giveAll(),
    );
  }

  async #giveAll(): Promise<void> {
    for (const waiting of this.#waiting.slice()) {
      for (;;) {
        const signal = this.#find(waiting.operation.name);
        if (!signal || !this.#waiting.includes(waiting)) break;
        this.#taken.add(key(signal));
        if (await this.#take(waiting, signal)) break;
      }
    }
  }

  /** False where it does not fit the schema, and is passed over. */
  async #take(waiting: Waiting, signal: Signal): Promise<boolean> {
    const { host, line, waits } = this.#parts;
    const { operation, schema } = waiting;
    const { name, id } = signal;
    let value = signal.value;
    try {
      if (schema)
        value = await parseWith(
          schema,
          value,
          "INPUT_INVALID",
          `signal "${name}" (${id})`,
        );
    } catch (thrown) {
      const error = toRpcError(toTroupeError(thrown));
      line.add({
        kind: "refused",
        ...fieldsOf(operation),
        at: host.now(),
        id,
        error,
      });
      return false;
    }
    if (!waits.remove(operation)) {
      this.#taken.delete(key(signal)); // it came too late for this one
      return true;
    }
    this.#remove(waiting);
    try {
      const what = () => `what was made of signal "${name}" (${id})`;
      checkPlain(value, "STEP_RESULT_INVALID", what);
    } catch (thrown) {
      const error = toTroupeError(thrown);
      line.add(failedEntry(operation, host, error, { id }));
      return true;
    }
    value = copyOf(value);
    operation.live = { value };
    line.add(doneEntry(operation, host, { value, id }));
    return true;
  }

  #find(wanted: string): Signal | undefined {
    return this.#parts.host.signals.find(
      (signal) =>
        signal.name === wanted &&
        signal.sequence > (this.#before.get(wanted) ?? 0) &&
        !this.#taken.has(key(signal)),
    );
  }

  #remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
  }
}

const longestQuestion = 200;

function inWords(name: string, question: string | undefined): string {
  if (question === undefined) return `signal "${name}"`;
  const line = question.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  const cut = line.length > longestQuestion;
  return `an answer to "${name}": ${cut ? `${line.slice(0, longestQuestion)}…` : line}`;
}

function key({ name, id }: { name: string; id?: string | undefined }): string {
  return `${name}\n${id}`;
}

function outOfTime(
  { id }: { id: string },
  name: string,
  waitedMs: number,
): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `task "${id}" waited ${formatMs(waitedMs)} for signal "${name}" and none came: send one with bus.signal("${id}", "${name}", value) in time, or give waitFor a longer timeout`,
  );
}
