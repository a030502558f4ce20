// Waiting for signals. Each wait for a name takes the oldest signal of that name that no other wait has taken.
import type { z } from "zod";
import type { Signal } from "../../bus/journal/signals.js";
import { formatMs, toMs, type Duration } from "../../protocol/duration.js";
import { toTroupeError, TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { toRpcError } from "../../protocol/rpc.js";
import { parseWith } from "../../protocol/schema.js";
import { begunEntry, doneEntry, failedEntry, namesOf } from "./entries.js";
import type { Parts } from "./parts.js";
import type { Operation } from "./tape.js";

export interface SignalOptions {
  schema?: z.ZodType;
  /** Default 7d. */
  timeout?: Duration;
}

interface Waiting {
  operation: Operation;
  schema: z.ZodType | undefined;
}

export class SignalWaits {
  readonly #parts: Parts;
  /** Ids of signals that are used up. */
  readonly #taken = new Set<string>();
  /** Oldest first. */
  readonly #waiting: Waiting[] = [];
  #stopHearing: (() => void) | undefined;
  #giving: Promise<void> | undefined;

  constructor(parts: Parts, entries: readonly JournalEntry[]) {
    this.#parts = parts;
    for (const entry of entries) {
      const isTaken =
        entry.kind === "refused" ||
        (entry.kind === "done" && entry.type === "signal");
      if (isTaken && entry.id !== undefined) this.#taken.add(key(entry));
    }
  }

  /** The completion of the operation is the signal's value, or WAIT_TIMED_OUT. */
  wait(operation: Operation, { schema, timeout = "7d" }: SignalOptions): void {
    const { host, line, waits } = this.#parts;
    const timeoutMs = toMs(timeout, "timeout");
    const begun = operation.past?.begun;
    const until = begun?.until ?? host.now() + timeoutMs;
    const { name } = operation;
    const wait = () => {
      const waiting = { operation, schema };
      this.#waiting.push(waiting);
      waits.add(operation, {
        until,
        what: `signal "${name}"`,
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
        isOver: async () => {
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
  async #take(
    { operation, schema }: Waiting,
    signal: Signal,
  ): Promise<boolean> {
    const { host, line, waits } = this.#parts;
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
        ...namesOf(operation),
        at: host.now(),
        id,
        error,
      });
      return false;
    }
    if (!waits.remove(operation)) return true;
    this.#remove(this.#waiting.find((each) => each.operation === operation));
    operation.live = { value };
    line.add(doneEntry(operation, host, { value, id }));
    return true;
  }

  #find(wanted: string): Signal | undefined {
    return this.#parts.host.signals.find(
      (signal) => signal.name === wanted && !this.#taken.has(key(signal)),
    );
  }

  #remove(waiting: Waiting | undefined): void {
    const at = waiting ? this.#waiting.indexOf(waiting) : -1;
    if (at >= 0) this.#waiting.splice(at, 1);
  }
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
