// What a caller needs, rather than who is to do it: a skill in a range of versions, labels, tags, or plain
// words. In short, as one text: "text.summarize@^2", "*.summarize@^2", or "summarize" alone.
import { z } from "zod";
import { labels, type Labels } from "./card.js";
import { toMs, type Duration } from "./duration.js";
import { TroupeError } from "./errors.js";
import { orchestratorName } from "./subjects.js";
import { checkRange, isRange } from "./versions.js";

export const strategies = [
  "pull",
  "round-robin",
  "least-loaded",
  "weighted",
  "sticky",
  "fastest",
] as const;
/** How one is chosen among those that fit. */
export type Strategy = (typeof strategies)[number];

export interface Need {
  /** Of this agent only. */
  agent?: string;
  skill?: string;
  /** A range, such as "^2", that must hold for every instance that may take the task. */
  version?: string;
  /** Which must hold for every instance that may take the task. */
  labels?: Labels;
  /** All of which the skill must have. */
  tags?: readonly string[];
  /** What is to be done, in plain words: the skill whose card fits best is meant. */
  text?: string;
  /** Among those that fit. Default pull: the best, whose instances then pull as they have room. */
  prefer?: Strategy;
  /** For `weighted`: by agent, or by "agent/lane". Default: the sum of the instances' weights. */
  weights?: Readonly<Record<string, number>>;
  /** How well plain words must fit at least, from 0 to 1. */
  minScore?: number;
  /** So long to wait for one that fits. Default not at all. */
  wait?: Duration;
  /** Also agents of which no instance takes tasks now: the task then waits for one. Never for `ask`. */
  offline?: boolean;
}

const duration = z.custom<Duration>(
  (value) => typeof value === "string" || typeof value === "number",
);

const schema = z.strictObject({
  agent: z.string().min(1).optional(),
  skill: z.string().min(1).optional(),
  version: z.string().optional(),
  labels: labels.optional(),
  tags: z.array(z.string()).readonly().optional(),
  text: z.string().trim().min(1).optional(),
  prefer: z.enum(strategies).optional(),
  weights: z.record(z.string(), z.number().min(0)).optional(),
  minScore: z.number().min(0).max(1).optional(),
  wait: duration.optional(),
  offline: z.boolean().optional(),
});

/** Throws ARGUMENT_INVALID for a need that says nothing, or what cannot be. */
export function parseNeed(value: unknown): Need {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw wrong(value, z.prettifyError(parsed.error).replaceAll("\n", " "));
  const need = parsed.data as Need;
  const { skill, tags, text, agent, version, wait } = need;
  if (skill !== undefined && text !== undefined)
    throw wrong(value, "a skill and a text each say what is meant: give one");
  if (version !== undefined) checkRange(version);
  if (wait !== undefined) toMs(wait, "wait");
  if ((skill ?? text ?? tags?.[0]) !== undefined) return need;
  throw wrong(
    value,
    agent === undefined
      ? "it says neither skill nor text nor tags"
      : "an agent alone is no need: say which skill too",
  );
}

function wrong(value: unknown, why: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${JSON.stringify(value)} is no need (${why}): write such as { skill: "summarize", version: "^2" } or { text: "make this shorter" }`,
  );
}

/**
 * The need that a text names; undefined for a plain "agent.skill", which names its agent. A range follows the
 * last "@"; what follows it and is no range belongs to the name.
 */
export function needIn(text: string): Need | undefined {
  const dot = dotOf(text);
  const isPlain = dot > 0 && dot < text.length - 1;
  if (isPlain && !text.includes("@") && !text.startsWith("*."))
    return undefined;
  const at = text.lastIndexOf("@");
  const range = text.slice(at + 1);
  const isRanged = at > 0 && range.trim() !== "" && isRange(range);
  if (isPlain && !isRanged && !text.startsWith("*.")) return undefined;
  const names = isRanged ? text.slice(0, at) : text;
  return { ...namesIn(names, text), ...(isRanged ? { version: range } : {}) };
}

function namesIn(names: string, text: string): Need {
  const dot = dotOf(names);
  const agent = names.slice(0, Math.max(dot, 0));
  const skill = names.slice(dot + 1);
  if (skill === "" || dot === 0 || /\s/.test(skill)) throw noSkill(text);
  return agent === "" || agent === "*" ? { skill } : { agent, skill };
}

function noSkill(text: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `"${text}" names no skill: write "agent.skill", such as "writer.headline", or "headline@^2" for whoever has it, or { text: "…" } for plain words`,
  );
}

/** Of a plain "agent.skill". */
export function splitNames(text: string): { agent: string; skill: string } {
  const dot = dotOf(text);
  return { agent: text.slice(0, dot), skill: text.slice(dot + 1) };
}

/**
 * Where the agent's name ends: at the last dot, so that agents may have dots in their names. Only of the
 * orchestrator, which nobody else may be called after, it is the first: its skills are named like `plan.run`.
 */
function dotOf(text: string): number {
  return text.startsWith(`${orchestratorName}.`)
    ? orchestratorName.length
    : text.lastIndexOf(".");
}

/** As people read it. */
export function describeNeed(need: Need): string {
  const { agent, skill, version, labels, tags, text } = need;
  const names =
    skill === undefined ? agent && `${agent}.*` : `${agent ?? "*"}.${skill}`;
  const parts = [
    names === undefined
      ? undefined
      : `${names}${version === undefined ? "" : `@${version}`}`,
    names === undefined && version !== undefined
      ? `version ${version}`
      : undefined,
    text === undefined
      ? undefined
      : `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`,
    ...Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`),
    ...(tags ?? []).map((tag) => `#${tag}`),
  ];
  return parts.filter((part) => part !== undefined).join(" ");
}
