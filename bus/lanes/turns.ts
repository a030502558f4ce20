// Whose turn a partition is, among the instances of one agent in one lane, as one of them sees it. It only decides
// whom the server asks first (bus/delivery/pull.ts): the partitions are dealt out by the instances' names, and who
// sees other instances than another does comes to another order, which costs nothing but a detour.
//
// An instance that is dead, frozen, busy or paused asks for nothing, so the server turns to the next.
import { messageOf } from "../../protocol/errors.js";
import { keyOf, type Watching } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import type { Registry } from "../registry/registry.js";

export interface TurnsOf {
  agent: string;
  lane: string;
  instance: string;
}

export class Turns {
  readonly #link: Link;
  readonly #of: TurnsOf;
  readonly #keys = new Map<string, string>();
  /** The names of those that take tasks, in order; oneself always among them. */
  #names: string[];
  #watching: Promise<Watching> | undefined;

  /** Watches the registry from now on; until it has answered, it knows of one instance. */
  constructor(link: Link, registry: Registry, of: TurnsOf) {
    this.#link = link;
    this.#of = of;
    this.#names = [of.instance];
    this.#watching = registry.living.watch(
      `${keyOf(of.agent)}.*`,
      ({ key, entry }) => {
        const card = entry?.value;
        if (card?.state === "ready" && card.lane === of.lane)
          this.#keys.set(key, card.instance);
        else this.#keys.delete(key);
        this.#deal();
      },
    );
    this.#watching.catch((error: unknown) =>
      link.log.warn(
        { ...of, error: messageOf(error) },
        "the other instances of this agent cannot be seen: its contexts go round among them, which costs a read an event",
      ),
    );
  }

  /** 0 is first. */
  rank(partition: number): number {
    const names = this.#names;
    const own = names.indexOf(this.#of.instance);
    const first = partition % names.length;
    return (own - first + names.length) % names.length;
  }

  async stop(): Promise<void> {
    const watching = await this.#watching?.catch(() => undefined);
    if (!this.#link.closed) await watching?.stop();
  }

  #deal(): void {
    const others = [...this.#keys.values()];
    this.#names = [...new Set([...others, this.#of.instance])].sort();
  }
}
