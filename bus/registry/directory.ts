// What the registry holds, as this connection sees it: cards and living instances, watched from the first use
// on. Reading it costs no round trip; who never asks pays nothing.
//
// 1. A change is taken over in the order in which the registry stored it, and told after it is taken over.
// 2. The server says who has died; who was cut off when it did notices by the silence (bus/registry/silence.ts).
// 3. An instance without a card is kept until its card comes, and a card without instances stays: the two
//    buckets know nothing of each other's order.
import type { AgentCard, InstanceCard } from "../../protocol/card.js";
import { messageOf } from "../../protocol/errors.js";
import { namesOfKey, type Change, type Watching } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import { instanceKey, instanceTtlMs, type Registry } from "./registry.js";
import { Lane } from "../routing/lane.js";
import { Silence } from "./silence.js";

/** `announced` and `withdrawn` speak of an agent's card in a lane, the others of an instance. */
export type AgentChange =
  | {
      kind: "announced" | "withdrawn";
      agent: string;
      lane: string;
      card: AgentCard;
    }
  | {
      kind: "updated";
      agent: string;
      lane: string;
      card: AgentCard;
      before: AgentCard;
    }
  | {
      /** `left` said goodbye, `died` did not. */
      kind: "joined" | "changed" | "heartbeat" | "left" | "died";
      agent: string;
      lane: string;
      instance: InstanceCard;
    };

type Listener = (change: AgentChange) => void;
type Instances = Map<string, InstanceCard>;

/** Longer than the server takes, so that it is the server who decides wherever it can be heard. */
const patienceMs = instanceTtlMs + 3_000;

export class Directory {
  readonly #link: Link;
  readonly #registry: Registry;
  /** By agent and lane. */
  readonly #lanes = new Map<string, Lane>();
  readonly #instances = new Map<string, Instances>();
  /** Where the instance of a key is listed: what is told of its end has no card. */
  readonly #places = new Map<string, InstanceCard>();
  readonly #listeners = new Set<Listener>();
  #silence: Silence | undefined;
  #opening: Promise<Watching[]> | undefined;

  constructor(link: Link, registry: Registry) {
    this.#link = link;
    this.#registry = registry;
  }

  /** Resolves when all that is there is known. */
  open(): Promise<unknown> {
    if (this.#opening) return this.#opening;
    this.#silence ??= new Silence(this.#link, patienceMs, (key) =>
      this.#gone(key, "died"),
    );
    const { cards, living } = this.#registry;
    this.#opening = Promise.all([
      cards.watch("card.*.*", (change) => this.#cardChanged(change)),
      living.watch(">", (change) => this.#instanceChanged(change)),
    ]);
    this.#opening.catch(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Once `open` has resolved. */
  lanes(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  lane(agent: string, lane: string): Lane | undefined {
    return this.#lanes.get(placeOf(agent, lane));
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #cardChanged({ key, entry }: Change<AgentCard>): void {
    const [, agent = "", lane = ""] = namesOfKey(key);
    const place = placeOf(agent, lane);
    const before = this.#lanes.get(place)?.card;
    if (!entry) {
      if (!this.#lanes.delete(place) || !before) return;
      return this.#tell({ kind: "withdrawn", agent, lane, card: before });
    }
    const card = { ...entry.value, name: agent, lane }; // the key says whose it is
    this.#lanes.set(place, new Lane(card, this.#at(place)));
    if (before) this.#tell({ kind: "updated", agent, lane, card, before });
    else this.#tell({ kind: "announced", agent, lane, card });
  }

  #instanceChanged({ key, entry, expired }: Change<InstanceCard>): void {
    if (!entry) return this.#gone(key, expired === true ? "died" : "left");
    const before = this.#places.get(key);
    const instance = entry.value;
    if (instanceKey(instance) !== key) return; // it speaks of another than it stands for
    const { agent, lane } = instance;
    if (before && before.lane !== lane) this.#gone(key, "left");
    this.#places.set(key, instance);
    this.#silence?.heard(key);
    const place = placeOf(agent, lane);
    this.#at(place).set(key, instance);
    this.#lanes.get(place)?.changed();
    this.#tell({ kind: kindOf(before, instance), agent, lane, instance });
  }

  #gone(key: string, kind: "left" | "died"): void {
    const instance = this.#places.get(key);
    if (!instance) return;
    const { agent, lane } = instance;
    this.#silence?.forget(key);
    const place = placeOf(agent, lane);
    this.#places.delete(key);
    this.#at(place).delete(key);
    this.#lanes.get(place)?.changed();
    this.#tell({ kind, agent, lane, instance });
  }

  #at(place: string): Instances {
    const known = this.#instances.get(place) ?? new Map<string, InstanceCard>();
    this.#instances.set(place, known);
    return known;
  }

  #tell(change: AgentChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#link.log.error(
          { error: messageOf(error), change: change.kind, agent: change.agent },
          "a change of the directory could not be handled and was passed over",
        );
      }
    }
  }
}

/** What is told beside a heartbeat: whether others have to know now. */
function kindOf(
  before: InstanceCard | undefined,
  now: InstanceCard,
): "joined" | "changed" | "heartbeat" {
  if (!before) return "joined";
  const same =
    before.state === now.state &&
    before.card === now.card &&
    before.version === now.version &&
    before.weight === now.weight &&
    before.concurrency === now.concurrency &&
    JSON.stringify(before.labels) === JSON.stringify(now.labels);
  return same ? "heartbeat" : "changed";
}

function placeOf(agent: string, lane: string): string {
  return JSON.stringify([agent, lane]);
}
