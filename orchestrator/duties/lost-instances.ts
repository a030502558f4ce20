// Says on the log which instances died without a goodbye: their heartbeat has aged out on the server. What they
// had in hand the server gives to others; here it is only told, so that nobody has to guess.
import type { InstanceCard } from "../../protocol/card.js";
import type { Entry, Watching } from "../../bus/buckets/bucket.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import type { Term } from "../leading/term.js";

export const lostInstances: Duty = {
  name: "lost-instances",
  everyMs: 200,
  async begin(host, term) {
    const rounds = new LostInstanceRounds(host, term);
    await rounds.open();
    return rounds;
  },
};

class LostInstanceRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #living = new Map<string, Entry<InstanceCard>>();
  /** Not yet told. */
  #lost: Entry<InstanceCard>[] = [];
  #watching: Watching | undefined;

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
  }

  async open(): Promise<void> {
    const { living } = this.#host.registry;
    this.#watching = await living.watch(">", ({ key, entry, expired }) => {
      const last = this.#living.get(key);
      if (entry) this.#living.set(key, entry);
      else this.#living.delete(key);
      if (last && expired === true) this.#lost.push(last);
    });
  }

  async round(): Promise<void> {
    for (let last = this.#lost[0]; last; last = this.#lost[0]) {
      await this.#tell(last);
      this.#lost = this.#lost.slice(1);
    }
  }

  async stop(): Promise<void> {
    if (this.#host.link.connected) await this.#watching?.stop();
  }

  async #tell({ value: card, at }: Entry<InstanceCard>): Promise<void> {
    const { agent, instance, lane, version, running, startedAt, pid } = card;
    const heardAt = at.toISOString();
    const data = { lane, version, running, startedAt, heardAt, pid };
    await this.#term.record({ agent, instance, kind: "lost", data });
    this.#host.link.log.warn(
      { agent, instance, lane, running },
      "an instance died without a goodbye; what it had in hand goes to others",
    );
  }
}
