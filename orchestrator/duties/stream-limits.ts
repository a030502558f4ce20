// Warns when a stream, or all of JetStream's store, is near its limit: beyond it submits are refused, or history
// is cut before its time. Once for each time that the mark is passed.
import { streamUses, type StreamUse } from "../../bus/streams/stream-uses.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import type { Term } from "../leading/term.js";
import { orchestratorName } from "../../protocol/subjects.js";

const warnAt = 0.8;
/** Below this it may be warned of again. */
const calmAt = 0.75;

export const streamLimits: Duty = {
  name: "stream-limits",
  everyMs: 5_000,
  begin: (host, term) => new StreamLimitRounds(host, term),
};

class StreamLimitRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #warned = new Set<string>();

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
  }

  async round(): Promise<void> {
    for (const use of await streamUses(this.#host.link)) {
      const key = `${use.stream} ${use.of}`;
      const part = use.used / use.limit;
      if (part < calmAt) this.#warned.delete(key);
      if (part < warnAt || this.#warned.has(key)) continue;
      await this.#warn(use);
      this.#warned.add(key);
    }
  }

  async #warn(use: StreamUse): Promise<void> {
    const { stream, of, used, limit } = use;
    const { instance, link } = this.#host;
    await this.#term.record({
      agent: orchestratorName,
      instance,
      kind: "near-limit",
      data: { ...use },
    });
    link.log.warn(
      { stream, of, used, limit },
      `"${stream}" holds ${Math.round((100 * used) / limit)} % of the ${of} that it may: raise its limit, or see why nothing leaves it`,
    );
  }
}
