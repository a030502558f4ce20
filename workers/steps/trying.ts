// Tries something until it has worked. Each attempt that failed is on the journal; between two of them the task waits,
// maybe elsewhere.
import {
  backoffMs,
  mayRetry,
  type RetryRules,
} from "../../bus/delivery/retry.js";
import { toTroupeError, type TroupeError } from "../../protocol/errors.js";
import { toRpcError } from "../../protocol/rpc.js";
import { failedEntry, fieldsOf } from "./entries.js";
import type { JournalLine } from "./journal-line.js";
import type { StepHost } from "./step-host.js";
import type { Operation } from "./tape.js";
import type { Waits } from "./waits.js";

interface Tried<Value> {
  value: Value;
  tookMs?: number;
  attempt?: number;
}

export class Trying {
  readonly #atWork = new Set<Operation>();
  readonly #host: StepHost;
  readonly #line: JournalLine;
  readonly #waits: Waits;
  readonly #isUndoing: () => boolean;

  /** While it is undone nothing is tried again. */
  constructor(
    host: StepHost,
    line: JournalLine,
    waits: Waits,
    isUndoing: () => boolean,
  ) {
    this.#host = host;
    this.#line = line;
    this.#waits = waits;
    this.#isUndoing = isUndoing;
  }

  /** So many are at work. */
  get running(): number {
    return this.#atWork.size;
  }

  get atWork(): Operation[] {
    return [...this.#atWork];
  }

  /** Calls `done` when it has worked. When it has failed as often as it may the operation has failed. */
  async until<Value>(
    operation: Operation,
    rules: RetryRules,
    run: (attempt: number) => Promise<Value> | Value,
    done: (tried: Tried<Value>) => void,
  ): Promise<void> {
    const { past } = operation;
    if (past?.retryAt !== undefined) await this.#pause(operation, past.retryAt);
    for (let attempt = (past?.failures ?? 0) + 1; ; attempt++) {
      const startedAt = performance.now();
      let error: TroupeError;
      this.#atWork.add(operation);
      try {
        const result = run(attempt);
        const value = result instanceof Promise ? await result : result;
        const tookMs = Math.round(performance.now() - startedAt);
        return done(triedBy(value, tookMs, attempt));
      } catch (thrown) {
        error = toTroupeError(thrown);
      } finally {
        this.#atWork.delete(operation);
        this.#waits.look();
      }
      if (this.#isUndoing() || !mayRetry(rules, error, attempt)) {
        const tries = attempt === 1 ? {} : { attempt };
        return this.#line.add(failedEntry(operation, this.#host, error, tries));
      }
      const retryAt = this.#host.now() + backoffMs(rules, attempt);
      this.#line.add({
        kind: "attempt",
        ...fieldsOf(operation),
        at: this.#host.now(),
        attempt,
        error: toRpcError(error),
        retryAt,
      });
      await this.#pause(operation, retryAt);
    }
  }

  #pause(operation: Operation, until: number): Promise<void> {
    return new Promise((resolve) => {
      const what = `another attempt of ${operation.type} "${operation.name}"`;
      this.#waits.add(operation, {
        until,
        what,
        due: resolve,
      });
    });
  }
}

/** What goes without saying is left out. */
function triedBy<Value>(
  value: Value,
  tookMs: number,
  attempt: number,
): Tried<Value> {
  const tried: Tried<Value> = { value };
  if (tookMs > 0) tried.tookMs = tookMs;
  if (attempt > 1) tried.attempt = attempt;
  return tried;
}
