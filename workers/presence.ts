// How an instance is seen by others: it announces its agent's card, tells of itself with each heartbeat, and
// says goodbye. An instance that dies without a goodbye is missed when its heartbeats stop (bus/registry/registry.ts).
import { recordAgentEvent } from "../bus/history/agent-events.js";
import type { Link } from "../bus/connection/connection.js";
import type { Publisher } from "../bus/streams/publisher.js";
import { heartbeatMs, type Registry } from "../bus/registry/registry.js";
import {
  digestOf,
  labels,
  type AgentCard,
  type InstanceCard,
  type Labels,
} from "../protocol/card.js";
import { messageOf, TroupeError } from "../protocol/errors.js";

/** Whether the lane's card is still right is looked up with every so many heartbeats. */
const beatsPerLook = 3;
/** How much the newest task counts in the recent latency. */
const newest = 0.1;

interface Present {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly registry: Registry;
  readonly agentCard: AgentCard;
  readonly labels: Labels;
  readonly weight: number;
  /** The skills whose breaker is open. */
  shut(): string[];
  /** How it is now. */
  card(): InstanceCard;
}

export class Presence {
  readonly #of: Present;
  readonly #digest: string;
  #timer: NodeJS.Timeout | undefined;
  #forgetReconnect: (() => void) | undefined;
  #beats = 0;
  #underWay: Promise<void> | undefined;
  /** Something has changed since the heartbeat that is under way. */
  #again = false;
  #stopped = false;
  #latencyMs: number | undefined;

  /** Throws ARGUMENT_INVALID. */
  constructor(of: Present) {
    this.#of = of;
    checkWeight(of.weight);
    checkLabels(of.labels);
    this.#digest = digestOf(of.agentCard);
  }

  /** The card, before the instance takes its first task. */
  async announce(): Promise<void> {
    const { registry, agentCard, link } = this.#of;
    const { conflict, newer } = await registry.announce(agentCard);
    const { name: agent, lane, version } = agentCard;
    if (conflict) await this.#tellConflict(conflict);
    if (newer)
      link.log.warn(
        { agent, lane, version, newer: newer.version },
        "a newer version of this agent lives in the same lane: its card stays, and tasks by its card may come to this instance",
      );
  }

  async #tellConflict(other: AgentCard): Promise<void> {
    const { agentCard, link, publisher } = this.#of;
    const { name: agent, lane, version } = agentCard;
    const data = {
      lane,
      version,
      skills: agentCard.skills.map(({ id }) => id),
      otherSkills: other.skills.map(({ id }) => id),
    };
    link.log.warn(
      { agent, ...data },
      "another instance of this agent lives with the same version and another card: give what differs another version or another lane",
    );
    const { instance } = this.#of.card();
    await recordAgentEvent(link, publisher, {
      agent,
      instance,
      kind: "card-conflict",
      data,
    });
  }

  /** The first heartbeat, and from then on one after the other. */
  async start(): Promise<void> {
    await this.tell();
    this.#timer = setInterval(() => this.beat(), heartbeatMs);
    this.#timer.unref();
    this.#forgetReconnect = this.#of.link.onReconnect(() => this.beat());
  }

  /** Resolves when all can know how it is now. */
  tell(): Promise<void> {
    return this.#of.registry.heartbeat(this.#of.card());
  }

  /** Now, and not only when it is due: when something has changed that others go by. */
  beat(): void {
    this.#again = this.#underWay !== undefined;
    if (this.#again || this.#stopped || !this.#of.link.connected) return;
    this.#underWay = this.#beat()
      .catch((error: unknown) => {
        const { log } = this.#of.link;
        log.debug({ error: messageOf(error) }, "a heartbeat was not stored");
      })
      .finally(() => {
        this.#underWay = undefined;
        if (this.#again) this.beat();
      });
  }

  /** A handler has run: what waited before it, at a limit for instance, tells nothing of how fast it is. */
  took(ms: number): void {
    const before = this.#latencyMs ?? ms;
    this.#latencyMs = before + (ms - before) * newest;
  }

  /** What its card says beside its state and its load. */
  facts(): Pick<
    InstanceCard,
    "card" | "skills" | "labels" | "weight" | "latencyMs" | "shut"
  > {
    const { agentCard, labels, weight } = this.#of;
    const shut = this.#of.shut();
    return {
      card: this.#digest,
      skills: agentCard.skills.map(({ id }) => id),
      labels,
      weight,
      ...(this.#latencyMs === undefined ? {} : { latencyMs: this.#latencyMs }),
      ...(shut.length === 0 ? {} : { shut }),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#forgetReconnect?.();
    const { link, registry } = this.#of;
    if (!link.connected) return;
    await this.#underWay; // a heartbeat after the goodbye would bring it back
    await registry.withdraw(this.#of.card());
  }

  async #beat(): Promise<void> {
    const { registry, agentCard } = this.#of;
    await registry.heartbeat(this.#of.card());
    if (++this.#beats % beatsPerLook === 0) await registry.uphold(agentCard);
  }
}

function checkWeight(weight: number): void {
  if (Number.isFinite(weight) && weight >= 0) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `weight ${weight} is none: use a number from 0 up`,
  );
}

function checkLabels(given: Labels): void {
  if (labels.safeParse(given).success) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `labels ${JSON.stringify(given)} are none: give texts, such as { region: "eu" }`,
  );
}
