// Which agents there are: their cards, one a lane, which stay, and their instances, which count as gone when
// their heartbeat stops.
import { Kvm, type KV } from "@nats-io/kv";
import { z } from "zod";
import { decodeBody, encodeBody } from "../protocol/codec.js";
import {
  agentCard,
  instanceCard,
  type AgentCard,
  type InstanceCard,
  type SkillCard,
} from "../protocol/card.js";
import { skillUnknown, TroupeError } from "../protocol/errors.js";
import { encodeToken } from "../protocol/tokens.js";
import { parseWith } from "../protocol/schema.js";
import type { Link } from "./connection.js";
import type { Names } from "./target.js";

/** An instance that was silent for so long is gone. */
export const instanceTtlMs = 15_000;
const cardCacheMs = 10_000;

interface Lane extends Names {
  lane: string;
}

interface KnownSkill {
  card: SkillCard;
  /** Made from the card's JSON Schema when it is first needed. */
  input: z.ZodType | undefined;
}

export class Registry {
  readonly #link: Link;
  #bucket: Promise<KV> | undefined;
  /** By the key of their card. */
  readonly #skills = new Map<
    string,
    { at: number; skills: Map<string, KnownSkill> }
  >();

  constructor(link: Link) {
    this.#link = link;
  }

  async announce(card: AgentCard): Promise<void> {
    const bucket = await this.#open();
    await bucket.put(cardKey(card.name, card.lane), encodeBody(card, "json"));
  }

  async heartbeat(card: InstanceCard): Promise<void> {
    const bucket = await this.#open();
    await bucket.put(
      instanceKey(card),
      encodeBody({ ...card, seenAt: this.#link.clock.now() }, "json"),
    );
  }

  async withdraw(card: InstanceCard): Promise<void> {
    const bucket = await this.#open();
    await bucket.purge(instanceKey(card));
  }

  async agents(): Promise<AgentCard[]> {
    const cards = await this.#read("card.*.*", agentCard);
    return cards.sort(
      (a, b) => a.name.localeCompare(b.name) || a.lane.localeCompare(b.lane),
    );
  }

  async instances(agent?: string): Promise<InstanceCard[]> {
    const seen = instanceCard.extend({ seenAt: z.number() });
    const cards = await this.#read(
      `instance.${agent === undefined ? "*" : keyToken(agent)}.*`,
      seen,
    );
    const oldest = this.#link.clock.now() - instanceTtlMs;
    return cards.filter((card) => card.seenAt > oldest);
  }

  /**
   * Refuses at submit what the agent's card in that lane refuses. Throws AGENT_UNKNOWN, SKILL_UNKNOWN, or
   * INPUT_INVALID with the path of the field.
   */
  async check(to: Lane, input: unknown): Promise<void> {
    const key = cardKey(to.agent, to.lane);
    const cached = this.#skills.get(key);
    try {
      await this.#checkBy(await this.#skillsOf(key), to, input);
    } catch (error) {
      // A newer version of the agent may take what the card that was remembered refuses.
      if (cached === undefined || this.#skills.get(key) !== cached) throw error;
      this.#skills.delete(key);
      await this.#checkBy(await this.#skillsOf(key), to, input);
    }
  }

  async #checkBy(
    skills: Map<string, KnownSkill> | undefined,
    names: Lane,
    input: unknown,
  ): Promise<void> {
    if (!skills) throw await this.#unknownAgent(names);
    const known = skills.get(names.skill);
    if (!known) {
      throw skillUnknown(names.agent, names.skill, skills.keys());
    }
    known.input ??= toSchema(known.card);
    await parseWith(
      known.input,
      input,
      "INPUT_INVALID",
      `the input of ${names.agent}.${names.skill}`,
    );
  }

  async #unknownAgent({ agent, lane }: Lane): Promise<TroupeError> {
    const cards = await this.agents();
    const lanes = cards.filter(({ name }) => name === agent);
    if (lanes.length > 0)
      return new TroupeError(
        "AGENT_UNKNOWN",
        `agent "${agent}" has never been served in lane "${lane}": it was in "${lanes.map((card) => card.lane).join('", "')}". Start it there once, correct the lane, or submit by the imported skill instead of its name`,
      );
    const known = [...new Set(cards.map((card) => card.name))];
    const hint =
      known.length === 0
        ? "no agent has ever been served in this namespace"
        : `known are "${known.slice(0, 20).join('", "')}"`;
    return new TroupeError(
      "AGENT_UNKNOWN",
      `no agent "${agent}" has ever been served in namespace "${this.#link.subjects.namespace}": ${hint}. Start it once, correct the name, or submit by the imported skill instead of its name`,
    );
  }

  async #skillsOf(key: string): Promise<Map<string, KnownSkill> | undefined> {
    const cached = this.#skills.get(key);
    if (cached && Date.now() - cached.at < cardCacheMs) return cached.skills;
    const bucket = await this.#open();
    const entry = await bucket.get(key);
    if (!entry || entry.operation !== "PUT") return undefined;
    const card = agentCard.parse(decodeBody(entry.value));
    const skills = new Map(
      card.skills.map((skill) => [skill.id, { card: skill, input: undefined }]),
    );
    this.#skills.set(key, { at: Date.now(), skills });
    return skills;
  }

  async #read<Schema extends z.ZodType>(
    filter: string,
    schema: Schema,
  ): Promise<z.output<Schema>[]> {
    const bucket = await this.#open();
    const found: z.output<Schema>[] = [];
    for await (const key of await bucket.keys(filter)) {
      const entry = await bucket.get(key);
      if (entry?.operation !== "PUT") continue;
      const card = schema.safeParse(readable(entry.value));
      if (card.success) found.push(card.data);
    }
    return found;
  }

  #open(): Promise<KV> {
    const kvm = new Kvm(this.#link.js);
    this.#bucket ??= kvm.create(this.#link.subjects.buckets.agents, {
      history: 1,
    });
    this.#bucket.catch(() => (this.#bucket = undefined));
    return this.#bucket;
  }
}

function cardKey(agent: string, lane: string): string {
  return `card.${keyToken(agent)}.${keyToken(lane)}`;
}

function instanceKey(card: InstanceCard): string {
  return `instance.${keyToken(card.agent)}.${keyToken(card.instance)}`;
}

/** A bucket's keys allow fewer characters than subjects do: neither "%" nor "~". */
function keyToken(name: string): string {
  return encodeToken(name, "agent").replaceAll("~", "=7e").replaceAll("%", "=");
}

/** What the JSON Schema cannot say is left to the worker, which has the real schema. */
function toSchema(card: SkillCard): z.ZodType {
  try {
    return z.fromJSONSchema(card.inputSchema);
  } catch {
    return z.unknown();
  }
}

/** What anyone else put into the bucket is no card. */
function readable(value: Uint8Array): unknown {
  try {
    return decodeBody(value);
  } catch {
    return undefined;
  }
}
