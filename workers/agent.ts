// An agent: a named actor with skills. `agent()` only declares; `bus.serve` runs it.
import { z } from "zod";
import { TroupeError } from "../protocol/errors.js";
import type { AgentCard, Labels, SkillCard } from "../protocol/card.js";
import { toMs } from "../protocol/duration.js";
import { defaultLane } from "../protocol/subjects.js";
import { encodeToken } from "../protocol/tokens.js";
import type { ActorDefinition } from "../actors/durable/actor-definition.js";
import type { AnySkill } from "./skill.js";
import {
  type AnyMachine,
  isStateful,
  toActor,
  toSkills,
  type EventSchemas,
  type EventSkills,
  type StatefulOptions,
} from "./contexts/stateful.js";

/** A skill of an agent, by which to call it: it knows its names and its types. */
export type SkillRef<Skill extends AnySkill = AnySkill> = Skill & {
  readonly agent: string;
  readonly name: string;
  /** Of an agent that keeps an actor for each context. */
  readonly stateful?: boolean;
};

interface AgentOptions<Skills extends Record<string, AnySkill>> {
  version?: string;
  description?: string;
  /** Facts by which callers choose, true of every instance: `{ region: "eu" }`. */
  labels?: Labels;
  skills: Skills;
}

export interface Agent<
  Skills extends Record<string, AnySkill> = Record<string, AnySkill>,
> {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly labels: Labels;
  readonly skills: { readonly [Name in keyof Skills]: SkillRef<Skills[Name]> };
  /** Of a stateful agent: what its actors are made of. */
  readonly actor?: ActorDefinition;
}

/** An agent that keeps an XState actor for each context, and whose skills are the events of its machine. */
export type StatefulAgent<
  Machine extends AnyMachine,
  Events extends EventSchemas = Record<never, never>,
> = Agent<EventSkills<Machine, Events>> & {
  readonly actor: ActorDefinition & { readonly machine: Machine };
};

/**
 * Declares a stateful agent: one durable actor of the machine for each context. Throws ARGUMENT_INVALID as for any
 * agent, and for a machine with logic that cannot sleep and wake in another process.
 */
export function agent<
  Machine extends AnyMachine,
  const Events extends EventSchemas = Record<never, never>,
>(
  name: string,
  options: StatefulOptions<Machine, Events>,
): StatefulAgent<Machine, Events>;
/** Declares an agent. Throws ARGUMENT_INVALID for a name that no subject can carry, or an agent without skills. */
export function agent<Skills extends Record<string, AnySkill>>(
  name: string,
  options: AgentOptions<Skills>,
): Agent<Skills>;
export function agent(
  name: string,
  options: AgentOptions<Record<string, AnySkill>> | StatefulOptions<AnyMachine>,
): Agent {
  encodeToken(name, "agent");
  const stateful = isStateful(options);
  const skills = stateful ? toSkills(name, options) : options.skills;
  const entries = Object.entries(skills);
  if (entries.length === 0) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `agent "${name}" has no skills: give it at least one`,
    );
  }
  for (const [skillName] of entries) encodeToken(skillName, "skill");
  const bound = entries.map(([skillName, skill]) => [
    skillName,
    { ...skill, agent: name, name: skillName },
  ]);
  return {
    name,
    version: options.version ?? "0.0.0",
    description: options.description ?? "",
    labels: options.labels ?? {},
    skills: Object.fromEntries(bound) as Agent["skills"],
    ...(stateful ? { actor: toActor(name, options) } : {}),
  };
}

export function toCard(agent: Agent, lane = defaultLane): AgentCard {
  const { name, description, version, labels, actor } = agent;
  return {
    name,
    description,
    version,
    lane,
    labels: { ...labels },
    skills: Object.entries(agent.skills).map(toSkillCard),
    ...(actor ? { stateful: true } : {}),
  };
}

function toSkillCard([id, skill]: [string, AnySkill]): SkillCard {
  return {
    id,
    name: id,
    description: skill.description,
    tags: [...(skill.tags ?? [])],
    examples: [...(skill.examples ?? [])],
    inputSchema: toJsonSchema(skill.input, "input"),
    ...(skill.output
      ? { outputSchema: toJsonSchema(skill.output, "output") }
      : {}),
    ...limitsOf(skill),
  };
}

function limitsOf({ timeout, retry }: AnySkill): Pick<SkillCard, "limits"> {
  if (timeout === undefined && retry?.attempts === undefined) return {};
  return {
    limits: {
      ...(timeout === undefined ? {} : { timeoutMs: toMs(timeout, "timeout") }),
      ...(retry?.attempts === undefined ? {} : { attempts: retry.attempts }),
    },
  };
}

function toJsonSchema(
  schema: z.ZodType,
  io: "input" | "output",
): Record<string, unknown> {
  return z.toJSONSchema(schema, { io, unrepresentable: "any" });
}
