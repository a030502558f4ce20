// The lanes of agents as their owner steers them: which share of the tasks goes to which version, and how each
// fares. A change is one compare-and-set in the settings, which every process hears of; then it goes on the log.
import type { Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import {
  lanesOf,
  rolledBack,
  withWeights,
  type LaneSetting,
  type Split,
  type Weights,
} from "../../protocol/lanes.js";
import { defaultLane, partitionCount } from "../../protocol/subjects.js";
import { agentEvents, recordAgentEvent } from "../history/agent-events.js";
import { backlogOf, noBacklog, type Backlog } from "../delivery/backlog.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";
import { consumerName } from "../delivery/pull.js";
import type { Registry } from "../registry/registry.js";
import type { Settings } from "../buckets/settings.js";
import type { AgentCard, InstanceCard } from "../../protocol/card.js";
import { unknownAgent } from "../registry/unknown-agent.js";
import { figuresOf, noFigures, type LaneFigures } from "./figures.js";
import { laneSettings } from "./setting.js";

type LaneAction = "split" | "promote" | "rollback" | "clear";

export interface LaneChange {
  action: LaneAction;
  /** What holds from then on; without any, all goes to main. */
  weights: Weights;
  at: Date;
}

export interface ChangeOptions {
  /** Also to a lane that nobody serves: its tasks wait until somebody does. */
  force?: boolean;
}

export interface Lane extends LaneFigures, Backlog {
  lane: string;
  /** Its part of the tasks that name no lane: 0 to 1. */
  share: number;
  /** Its part of the keys and contexts. */
  keyShare: number;
  /** Of its living instances; the card's when none lives. */
  versions: string[];
  instances: number;
}

export interface LanesOf {
  agent: string;
  /** Whether a split holds; without one, all goes to main. */
  isSplit: boolean;
  lanes: Lane[];
  /** Newest first. */
  changes: LaneChange[];
}

const defaultWindow: Duration = "15m";
const changesShown = 10;

export class Lanes {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #settings: Settings;
  readonly #registry: Registry;

  constructor(
    link: Link,
    publisher: Publisher,
    settings: Settings,
    registry: Registry,
  ) {
    this.#link = link;
    this.#publisher = publisher;
    this.#settings = settings;
    this.#registry = registry;
  }

  /**
   * Shares out the tasks that name no lane, such as `{ main: 90, canary: 10 }`. Throws LANE_UNSERVED when no
   * instance serves one of the lanes, and ARGUMENT_INVALID.
   */
  split(
    agent: string,
    weights: Weights,
    options: ChangeOptions = {},
  ): Promise<Weights> {
    return this.#change("split", agent, options, (setting) =>
      withWeights(setting, weights),
    );
  }

  /** All tasks that name no lane go to this one. What waits in another is still done there. */
  promote(
    agent: string,
    lane: string,
    options: ChangeOptions = {},
  ): Promise<Weights> {
    return this.#change("promote", agent, options, (setting) =>
      withWeights(setting, { [lane]: 1 }),
    );
  }

  /** Back to what held before the last split or promotion. */
  rollback(agent: string, options: ChangeOptions = {}): Promise<Weights> {
    return this.#change("rollback", agent, options, (setting) =>
      rolledBack(agent, setting),
    );
  }

  /** No split any more: all goes to main, and what was before is forgotten. */
  clear(agent: string, options: ChangeOptions = {}): Promise<Weights> {
    return this.#change("clear", agent, options, () => laneSettings.unset);
  }

  /** The agents that have a split, with its weights. */
  async all(): Promise<Map<string, Weights>> {
    const found = new Map<string, Weights>();
    for (const [agent, { split }] of await this.#settings.all(laneSettings))
      if (split) found.set(agent, split.weights);
    return found;
  }

  /**
   * All lanes of an agent side by side: who serves them, what waits, and how tasks ended of late. Throws
   * AGENT_UNKNOWN for one that was never served, nor split.
   */
  async show(
    agent: string,
    { window = defaultWindow }: { window?: Duration } = {},
  ): Promise<LanesOf> {
    const [{ split }, cards, living, figures, changes] = await Promise.all([
      this.#settings.read(laneSettings, agent),
      this.#registry.agents(),
      this.#registry.instances(agent),
      figuresOf(this.#link, agent, window),
      this.#changes(agent),
    ]);
    if (!split && changes.length === 0 && figures.size === 0)
      mustBeKnown(this.#link, agent, cards, living);
    const names = new Set([defaultLane, ...Object.keys(split?.weights ?? {})]);
    for (const { name, lane } of cards) if (name === agent) names.add(lane);
    for (const { lane } of living) names.add(lane);
    for (const lane of figures.keys()) names.add(lane);
    const lanes = await Promise.all(
      [...names].map(async (lane): Promise<Lane> => {
        const here = living.filter((instance) => instance.lane === lane);
        const card = cards.find(
          (known) => known.name === agent && known.lane === lane,
        );
        const versions = new Set(here.map(({ version }) => version));
        if (versions.size === 0 && card) versions.add(card.version);
        return {
          lane,
          share: shareOf(split, lane),
          keyShare: keyShareOf(split, lane),
          versions: [...versions],
          instances: here.length,
          ...((await this.#backlogOf(split, agent, lane)) ?? noBacklog),
          ...(figures.get(lane) ?? noFigures),
        };
      }),
    );
    return { agent, isSplit: split !== undefined, lanes, changes };
  }

  /** What waits for the instances of a lane. Throws AGENT_UNKNOWN. */
  async backlog(agent: string, lane: string): Promise<Backlog> {
    const { split } = await this.#settings.read(laneSettings, agent);
    const found = await this.#backlogOf(split, agent, lane);
    if (found) return found;
    mustBeKnown(this.#link, agent, await this.#registry.agents());
    return noBacklog;
  }

  #backlogOf(
    split: Split | undefined,
    agent: string,
    lane: string,
  ): Promise<Backlog | undefined> {
    return backlogOf(this.#link, agent, consumersOf(split, lane));
  }

  async #change(
    action: LaneAction,
    agent: string,
    { force = false }: ChangeOptions,
    edit: (setting: LaneSetting) => LaneSetting,
  ): Promise<Weights> {
    if (!force) {
      const before = await this.#settings.read(laneSettings, agent);
      await this.#mustBeServed(agent, edit(before).split);
    }
    const change = newToken();
    const { split } = await this.#settings.change(
      laneSettings,
      agent,
      (setting) =>
        setting.change === change ? setting : { ...edit(setting), change },
    );
    const weights = split?.weights ?? {};
    await recordAgentEvent(this.#link, this.#publisher, {
      agent,
      instance: this.#link.origin,
      kind: "lanes",
      data: { action, weights },
    });
    return weights;
  }

  async #mustBeServed(agent: string, split: Split | undefined): Promise<void> {
    const living = await this.#registry.instances(agent);
    const served = new Set(living.map(({ lane }) => lane));
    const wanted = split ? lanesOf(split.weights) : [defaultLane];
    const unserved = wanted.filter((lane) => !served.has(lane));
    if (unserved.length > 0) throw laneUnserved(agent, unserved, [...served]);
  }

  async #changes(agent: string): Promise<LaneChange[]> {
    const changes: LaneChange[] = [];
    const where = { agent, kind: "lanes" };
    for await (const { data, at } of agentEvents(this.#link, where)) {
      const { action, weights } = data as Partial<LaneChange>;
      if (action && weights && at) changes.unshift({ action, weights, at });
    }
    return changes.slice(0, changesShown);
  }
}

function mustBeKnown(
  { subjects }: Link,
  agent: string,
  cards: readonly AgentCard[],
  living: readonly InstanceCard[] = [],
): void {
  if (living.length > 0 || cards.some(({ name }) => name === agent)) return;
  const { namespace } = subjects;
  throw unknownAgent(agent, namespace, cards, "Correct the name, or start it");
}

/** A lane's own queues, and of main's partitions those that the split gives it. */
function consumersOf(
  split: Split | undefined,
  lane: string,
): (consumer: string) => boolean {
  const own = consumerName(lane, "");
  const shared = consumerName(defaultLane, "");
  return (name) => {
    const partition = name.startsWith(shared)
      ? Number(name.slice(shared.length))
      : Number.NaN;
    return Number.isInteger(partition) && partition < partitionCount
      ? (split?.partitions[partition] ?? defaultLane) === lane
      : name.startsWith(own);
  };
}

function shareOf(split: Split | undefined, lane: string): number {
  if (!split) return lane === defaultLane ? 1 : 0;
  const total = Object.values(split.weights).reduce((sum, n) => sum + n, 0);
  return (split.weights[lane] ?? 0) / total;
}

function keyShareOf(split: Split | undefined, lane: string): number {
  if (!split) return lane === defaultLane ? 1 : 0;
  const own = split.partitions.filter((owner) => owner === lane);
  return own.length / partitionCount;
}

function laneUnserved(
  agent: string,
  unserved: readonly string[],
  served: readonly string[],
): TroupeError {
  const there =
    served.length === 0
      ? "no instance of it lives"
      : `instances live in "${served.join('", "')}"`;
  return new TroupeError(
    "LANE_UNSERVED",
    `nobody serves agent "${agent}" in lane "${unserved.join('", "')}" (${there}): start an instance there first, or force it (force: true, or --force) and let tasks wait`,
    { data: { agent, lanes: unserved } },
  );
}
