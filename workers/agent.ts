// An agent: a named actor with skills. `agent()` only declares; `bus.serve` runs it.
import { z } from "zod";
import { TroupeError } from "../protocol/errors.js";
import type { AgentCard, Labels, SkillCard } from "../protocol/card.js";
import { toMs } from "../protocol/duration.js";
import { defaultLane } from "../protocol/subjects.js";
import { encodeToken } from "../protocol/tokens.js";
import type { SkillDefinition } from "./skill.js";

// Any skill: its run() takes what its own schema gives, so nothing narrower fits all of them.
// eslint-disable-next-line typescript/no-explicit-any
export type AnySkill = SkillDefinition<any, any>;

/** A skill of an agent, by which to call it: it knows its names and its types. */
export type SkillRef<Skill extends AnySkill = AnySkill> = Skill & {
  readonly agent: string;
  readonly name: string;
};

export interface AgentOptions<Skills extends Record<string, AnySkill>> {
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
}

/** Declares an agent. Throws ARGUMENT_INVALID for a name that no subject can carry, or an agent without skills. */
export function agent<Skills extends Record<string, AnySkill>>(
  name: string,
  options: AgentOptions<Skills>,
): Agent<Skills> {
  encodeToken(name, "agent");
  const entries = Object.entries(options.skills);
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
    skills: Object.fromEntries(bound) as Agent<Skills>["skills"],
  };
}

export function toCard(agent: Agent, lane = defaultLane): AgentCard {
  const { name, description, version, labels } = agent;
  return {
    name,
    description,
    version,
    lane,
    labels: { ...labels },
    skills: Object.entries(agent.skills).map(toSkillCard),
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
