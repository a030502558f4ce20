// Whose turn a partition is, among the instances of one agent in one lane, as one of them sees it. It only decides
// whom the server asks first (bus/delivery/pull.ts): the partitions are dealt out by the instances' names, and who
// sees other instances than another does comes to another order, which costs nothing but a detour.
//
// 1. An instance that is dead, frozen, busy or paused asks for nothing, so the server turns to the next.
// 2. What one instance could not handle another is to try, which may have another version: the first gives its turn
//    away for a while, and gives back what it had asked for already, once.
import { messageOf } from "../../protocol/errors.js";
import { tokenAt } from "../../protocol/tokens.js";
import { keyOf, type Watching } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import type { Delivery } from "../delivery/delivery.js";
import type { Registry } from "../registry/registry.js";

interface TurnsOf {
  agent: string;
  lane: string;
  instance: string;
}

const passMs = 10_000;

interface Passed {
  until: number;
  givesBack: boolean;
}

export class Turns {
  readonly #link: Link;
  readonly #of: TurnsOf;
  readonly #keys = new Map<string, string>();
  /** The names of those that take tasks, in order; oneself always among them. */
  #names: string[];
  /** The partitions whose turn was given away. */
  readonly #passed = new Map<number, Passed>();
  readonly #watching: Promise<Watching>;

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
    const passed = this.#passed.get(partition);
    if (passed && passed.until > performance.now()) return Infinity;
    const names = this.#names;
    const own = names.indexOf(this.#of.instance);
    const first = partition % names.length;
    return (own - first + names.length) % names.length;
  }

  /** It could not be handled here. */
  passOn({ subject }: Delivery): void {
    if (this.#names.length === 1) return;
    const until = performance.now() + passMs;
    this.#passed.set(partitionIn(subject), { until, givesBack: true });
  }

  /** Whether a delivery was asked for before its partition's turn was given away. */
  givesBack({ count, subject }: Delivery): boolean {
    if (count === 1 || this.#passed.size === 0) return false;
    const passed = this.#passed.get(partitionIn(subject));
    if (!passed?.givesBack || passed.until < performance.now()) return false;
    passed.givesBack = false;
    return true;
  }

  /** Without waiting: a server that is away would hold up whoever goes. */
  stop(): void {
    this.#watching
      .then((watching) => (this.#link.closed ? undefined : watching.stop()))
      .catch(() => undefined);
  }

  #deal(): void {
    const others = [...this.#keys.values()];
    this.#names = [...new Set([...others, this.#of.instance])].sort();
  }
}

const partitionIn = (subject: string): number => Number(tokenAt(subject, 4));
