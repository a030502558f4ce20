// Refuses at submit what the agent's card refuses, for callers who name a skill in words. The worker checks
// again, by the real schema; so a card that is unreadable, or lies, or has a schema that cannot be used, only
// moves the refusal to the worker (R7). So does one that takes long to check by: anybody who may serve an agent
// may write a pattern that would hold every caller's process for minutes.
import { isDeepStrictEqual } from "node:util";
import type { AgentCard, SkillCard } from "../../protocol/card.js";
import { messageOf, skillUnknown, TroupeError } from "../../protocol/errors.js";
import { ForeignSchema } from "../../protocol/json-schema-parse.js";
import type { Link } from "../connection/connection.js";
import { cardKey, type Registry } from "../registry/registry.js";
import { unknownAgent } from "../registry/unknown-agent.js";
import type { Names } from "./target.js";

const cardCacheMs = 10_000;

interface Lane extends Names {
  lane: string;
}

interface KnownSkill {
  card: SkillCard;
  /** Undefined where it cannot be used. */
  input: ForeignSchema | undefined;
}

interface KnownCard {
  at: number;
  /** Undefined where the card cannot be read, although instances live. */
  skills: Map<string, KnownSkill> | undefined;
  stateful: boolean;
}

export class InputCheck {
  readonly #link: Link;
  readonly #registry: Registry;
  /** By the key of their card. */
  readonly #cards = new Map<string, KnownCard>();

  constructor(link: Link, registry: Registry) {
    this.#link = link;
    this.#registry = registry;
  }

  /**
   * Whether the agent keeps an actor for each context. Throws AGENT_UNKNOWN, SKILL_UNKNOWN, or INPUT_INVALID with
   * the path of the field.
   */
  async check(to: Lane, input: unknown): Promise<boolean> {
    const key = cardKey(to.agent, to.lane);
    const cached = this.#cards.get(key);
    try {
      return await this.#checkBy(await this.#cardOf(key, to), to, input);
    } catch (error) {
      // A newer version of the agent may take what the card that was remembered refuses.
      if (cached === undefined || this.#cards.get(key) !== cached) throw error;
      this.#cards.delete(key);
      return this.#checkBy(await this.#cardOf(key, to), to, input);
    }
  }

  async #checkBy(card: KnownCard, to: Lane, input: unknown): Promise<boolean> {
    if (!card.skills) return card.stateful;
    const known = card.skills.get(to.skill);
    if (!known) throw skillUnknown(to.agent, to.skill, card.skills.keys());
    const what = `the input of ${to.agent}.${to.skill}`;
    try {
      await known.input?.parse(input, "INPUT_INVALID", what);
    } catch (error) {
      if (error instanceof TroupeError) throw error;
      known.input = undefined; // what it cannot say is left to the worker, which has the real schema
      this.#link.log.warn(
        { agent: to.agent, skill: to.skill, error: messageOf(error) },
        "a skill's card has a schema that cannot be used; its input is left to the worker to check",
      );
    }
    return card.stateful;
  }

  async #cardOf(key: string, to: Lane): Promise<KnownCard> {
    const cached = this.#cards.get(key);
    if (cached && performance.now() - cached.at < cardCacheMs) return cached;
    const card =
      (await this.#registry.card(to.agent, to.lane)) ??
      (await this.#expectLiving(to));
    const stateful = card?.stateful === true;
    const skills = card && skillsOf(card, cached?.skills);
    const known = { at: performance.now(), skills, stateful };
    this.#cards.set(key, known);
    return known;
  }

  /**
   * Without a card there is an agent only where instances say so; their card is then what cannot be read. Or it was
   * served for the first time just now, and has one.
   */
  async #expectLiving({ agent, lane }: Lane): Promise<AgentCard | undefined> {
    const living = await this.#registry.instances(agent);
    if (!living.some((instance) => instance.lane === lane)) {
      const cards = await this.#registry.agents();
      const isIt = (card: AgentCard) =>
        card.name === agent && card.lane === lane;
      const card = cards.find(isIt);
      if (card) return card;
      throw this.#unknownAgent(agent, lane, cards);
    }
    this.#link.log.warn(
      { agent, lane },
      "the card of an agent cannot be read although instances live; its input is left to the worker to check",
    );
    return undefined;
  }

  #unknownAgent(
    agent: string,
    lane: string,
    cards: readonly AgentCard[],
  ): TroupeError {
    const lanes = cards.filter(({ name }) => name === agent);
    if (lanes.length > 0)
      return new TroupeError(
        "AGENT_UNKNOWN",
        `agent "${agent}" has never been served in lane "${lane}": it was in "${lanes.map((card) => card.lane).join('", "')}". Start it there once, correct the lane, or submit by the imported skill instead of its name`,
      );
    return unknownAgent(
      agent,
      this.#link.subjects.namespace,
      cards,
      "Start it once, correct the name, or submit by the imported skill instead of its name",
    );
  }
}

/** What was made of a schema, or found out about it, holds as long as it stays the same. */
function skillsOf(
  card: AgentCard,
  before?: ReadonlyMap<string, KnownSkill>,
): Map<string, KnownSkill> {
  return new Map(
    card.skills.map((skill) => {
      const known = before?.get(skill.id);
      const { inputSchema } = skill;
      return known && isDeepStrictEqual(known.card.inputSchema, inputSchema)
        ? [skill.id, { ...known, card: skill }]
        : [skill.id, toKnown(skill)];
    }),
  );
}

function toKnown(card: SkillCard): KnownSkill {
  return { card, input: new ForeignSchema(card.inputSchema) };
}
