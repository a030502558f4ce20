// One time of leading, with a number greater than that of all before. Whatever only the leader may do goes
// through its term, so that a leader that was replaced without noticing is fenced off.
//
// 1. A term begins with an event `leading` on the log, stored only if the last such event is still the one that
//    was read after the lease was taken, and its term was lower. So of two that believe they lead, the later
//    term's event comes last, and stays last.
// 2. What a leader writes about agents is stored only as long as its own `leading` is the last: the server
//    refuses the late words of a leader that was frozen, whatever that one believes.
// 3. What it does beyond that is safe by itself: a task's end is the first to be stored (R2), what
//    it removes is what is settled.
import {
  lastAgentEvent,
  recordAgentEvent,
  type Expectation,
} from "../../bus/history/agent-events.js";
import type { Link } from "../../bus/connection/connection.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type {
  AgentEvent,
  KnownAgentEvent,
} from "../../protocol/agent-events.js";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { orchestratorName } from "../../protocol/subjects.js";

const leadings = { agent: orchestratorName, kind: "leading" } as const;

/** The lease, as far as a term looks at it. */
export interface Held {
  /** The term for which it is held now. */
  readonly held: number | undefined;
}

export interface TermHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly lease: Held;
  readonly instance: string;
}

export class Term {
  readonly number: number;
  readonly #host: TermHost;
  /** The place of its `leading` on the log. */
  #fence = 0;
  #isFenced = false;

  private constructor(host: TermHost, number: number) {
    this.#host = host;
    this.number = number;
  }

  /** Throws LEASE_LOST when a later one has begun. */
  static async begin(host: TermHost, number: number): Promise<Term> {
    const term = new Term(host, number);
    const last = await term.#lastLeading();
    if (last && termOf(last) >= number) throw term.#lost(last);
    term.#fence = await term.#announce(last?.sequence ?? 0);
    return term;
  }

  /** Throws LEASE_LOST as soon as it is over, by our own count or by what the server said. */
  check(): void {
    if (this.#isFenced || this.#host.lease.held !== this.number)
      throw this.#lost();
  }

  /** Writes what happened to an agent. Throws LEASE_LOST. */
  async record(event: KnownAgentEvent): Promise<void> {
    this.check();
    try {
      await this.#store(event, { last: this.#fence, of: leadings });
    } catch (error) {
      if (!isConflict(error)) throw error;
      this.#isFenced = true;
      throw this.#lost(await this.#lastLeading());
    }
  }

  async #announce(after: number): Promise<number> {
    const { instance } = this.#host;
    const event = { ...leadings, instance, data: {} };
    try {
      const expectation = { last: after, of: leadings };
      return (await this.#store(event, expectation)).sequence;
    } catch (error) {
      if (!isConflict(error)) throw error;
      // After a reconnect it may be our own that was stored first.
      const last = await this.#lastLeading();
      if (last?.instance === instance && termOf(last) === this.number)
        return last.sequence!;
      throw this.#lost(last);
    }
  }

  #store(event: KnownAgentEvent, expectation: Expectation) {
    const { link, publisher } = this.#host;
    const data = { ...event.data, term: this.number };
    return recordAgentEvent(link, publisher, { ...event, data }, expectation);
  }

  #lastLeading(): Promise<AgentEvent | undefined> {
    return lastAgentEvent(this.#host.link, leadings);
  }

  #lost(by?: AgentEvent): TroupeError {
    const whose = by ? ` by term ${termOf(by)} of "${by.instance}"` : "";
    return new TroupeError(
      "LEASE_LOST",
      `term ${this.number} of orchestrator "${this.#host.instance}" is over${by ? `, ended${whose}` : ""}: it does nothing more in it`,
    );
  }
}

function termOf({ data }: AgentEvent): number {
  return Number(data["term"] ?? 0);
}
