// The queues that this connection has seen: an agent's queue is made when the agent is first served, or when
// the first task is submitted to it, whichever comes first.
import { hasCode, TroupeError } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";
import { ensureQueue, type StreamLimits } from "./streams.js";

export class Queues {
  readonly #link: Link;
  readonly #limits: StreamLimits;
  readonly #seen = new Map<string, Promise<void> | true>();

  constructor(link: Link, limits: StreamLimits) {
    this.#link = link;
    this.#limits = limits;
  }

  /** How many copies of each stream the cluster keeps, where that was named. */
  get replicas(): number | undefined {
    return this.#limits.replicas;
  }

  /** Nothing to wait for when it was seen before. Throws AGENT_UNKNOWN where it is not there and may not be made. */
  ensure(agent: string): Promise<void> | undefined {
    const seen = this.#seen.get(agent);
    if (seen === true) return undefined;
    if (seen) return seen;
    const making = this.#make(agent);
    this.#seen.set(agent, making);
    return making;
  }

  async #make(agent: string): Promise<void> {
    try {
      await ensureQueue(this.#link, agent, this.#limits);
      this.#seen.set(agent, true);
    } catch (error) {
      this.#seen.delete(agent);
      if (hasCode(error, "PERMISSION_DENIED")) throw notThere(agent, error);
      throw error;
    }
  }
}

function notThere(agent: string, cause: TroupeError): TroupeError {
  return new TroupeError(
    "AGENT_UNKNOWN",
    `agent "${agent}" has no queue yet, and these credentials may not make one: serve the agent once, or connect as a user who may`,
    { cause },
  );
}
