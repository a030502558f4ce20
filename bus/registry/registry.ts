// Which agents there are: their cards, one a lane, which stay, and their instances, whose cards are heartbeats
// in a bucket with a TTL. An instance that dies without a word is gone when its last heartbeat is too old: the
// server removes it and tells who watches, and nobody has to sweep.
//
// 1. The card of a lane is that of the newest version that lives there; among instances of one version that
//    disagree, the last to start says what the card is, and the disagreement is told.
// 2. Where no instance lives, the last card stays, so that tasks can still be checked and wait for one.
// 3. Cards are written by compare-and-set, so that of two who start at once the rule decides, not the race.
import { agentCard, digestOf, instanceCard } from "../../protocol/card.js";
import type { AgentCard, InstanceCard } from "../../protocol/card.js";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { compareVersions } from "../../protocol/versions.js";
import { Bucket, keyOf } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";

/** An instance that was silent for so long is gone. */
export const instanceTtlMs = 4_000;
/** Two heartbeats may be lost or late before anyone takes the instance for dead. */
export const heartbeatMs = instanceTtlMs / 3;

const claimAttempts = 10;

/** What came of announcing a card. */
interface Announced {
  /** Somebody else of the same version says otherwise. */
  conflict: AgentCard | undefined;
  /** A newer version lives in this lane, and its card stays. */
  newer: AgentCard | undefined;
}

export class Registry {
  readonly cards: Bucket<AgentCard>;
  readonly living: Bucket<InstanceCard>;

  constructor(link: Link, publisher: Publisher) {
    const { agents, instances } = link.subjects.buckets;
    this.cards = new Bucket(link, publisher, agents, agentCard);
    const ttl = { ttlMs: instanceTtlMs };
    this.living = new Bucket(link, publisher, instances, instanceCard, ttl);
  }

  /** When an instance starts. */
  announce(card: AgentCard): Promise<Announced> {
    return this.#claim(card, true);
  }

  /** Again and again while it lives: the card of a version that is gone is replaced by one that is there. */
  uphold(card: AgentCard): Promise<Announced> {
    return this.#claim(card, false);
  }

  async heartbeat(card: InstanceCard): Promise<void> {
    await this.living.put(instanceKey(card), card);
  }

  withdraw(card: InstanceCard): Promise<void> {
    return this.living.delete(instanceKey(card));
  }

  async agents(): Promise<AgentCard[]> {
    const [entries] = await Promise.all([
      this.cards.entries("card.*.*"),
      this.living.make(), // by whoever may make the one, the other is made, too
    ]);
    const cards = entries.map(({ value }) => value);
    return cards.sort(byName);
  }

  async instances(agent?: string): Promise<InstanceCard[]> {
    const of = agent === undefined ? "*" : keyOf(agent);
    const entries = await this.living.entries(`${of}.*`);
    return entries.map(({ value }) => value);
  }

  async card(agent: string, lane: string): Promise<AgentCard | undefined> {
    return (await this.cards.get(cardKey(agent, lane)))?.value;
  }

  /** Removes the card of an agent that is served no more. Throws AGENT_UNKNOWN, and CONFLICT while it is. */
  async forget(agent: string, lane: string): Promise<AgentCard> {
    const entry = await this.cards.get(cardKey(agent, lane));
    if (!entry)
      throw new TroupeError(
        "AGENT_UNKNOWN",
        `agent "${agent}" has no card in lane "${lane}" that could be forgotten: see "npx troupe agents ls"`,
      );
    const living = await this.instances(agent);
    const count = living.filter((each) => each.lane === lane).length;
    if (count > 0)
      throw new TroupeError(
        "CONFLICT",
        `agent "${agent}" has ${count} living instance${count === 1 ? "" : "s"} in lane "${lane}": stop them before it is forgotten`,
      );
    await this.cards.delete(entry.key, entry.revision);
    return entry.value;
  }

  async #claim(card: AgentCard, starting: boolean): Promise<Announced> {
    const key = cardKey(card.name, card.lane);
    for (let attempt = 1; ; attempt++) {
      const stored = await this.cards.get(key);
      const { mayWrite, ...announced } = await this.#judge(
        card,
        stored?.value,
        starting,
      );
      if (!mayWrite) return announced;
      try {
        if (stored) await this.cards.update(key, card, stored.revision);
        else await this.#write(key, card);
        return announced;
      } catch (error) {
        if (!isConflict(error) || attempt === claimAttempts) throw error;
      }
    }
  }

  /** Over what is unreadable, too. */
  async #write(key: string, card: AgentCard): Promise<void> {
    try {
      await this.cards.create(key, card);
    } catch (error) {
      if (!isConflict(error) || (await this.cards.get(key))) throw error;
      await this.cards.put(key, card);
    }
  }

  async #judge(
    mine: AgentCard,
    stored: AgentCard | undefined,
    starting: boolean,
  ): Promise<Announced & { mayWrite: boolean }> {
    const free = { mayWrite: true, conflict: undefined, newer: undefined };
    if (!stored) return free;
    const digest = digestOf(stored);
    if (digest === digestOf(mine)) return { ...free, mayWrite: false };
    const inLane = (await this.instances(mine.name)).filter(
      ({ lane }) => lane === mine.lane,
    );
    const order = compareVersions(mine.version, stored.version);
    const isHeld = inLane.some(({ card }) => card === digest);
    if (isHeld)
      return {
        mayWrite: order > 0 || (order === 0 && starting),
        conflict: order === 0 ? stored : undefined,
        newer: order < 0 ? stored : undefined,
      };
    const isOutdated = inLane.some(
      ({ version }) => compareVersions(version, mine.version) > 0,
    );
    return { ...free, mayWrite: !isOutdated };
  }
}

function byName(one: AgentCard, other: AgentCard): number {
  return (
    one.name.localeCompare(other.name) || one.lane.localeCompare(other.lane)
  );
}

export function cardKey(agent: string, lane: string): string {
  return `card.${keyOf(agent)}.${keyOf(lane)}`;
}

export function instanceKey(card: { agent: string; instance: string }): string {
  return keyOf(card.agent, card.instance);
}
