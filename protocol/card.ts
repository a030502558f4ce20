// The card of an agent, in the shape of an A2A AgentCard: what it is called, what it can do, what it takes.
// And the card of an instance: which agent's card it stands for, how loaded it is, and what it is labelled.
import { createHash } from "node:crypto";
import { z } from "zod";

/** What a reader cannot make sense of checks nothing, rather than making the whole card unreadable (R7). */
const jsonSchema = z.record(z.string(), z.unknown()).catch({});

/** Facts by which callers choose: `{ region: "eu" }`. */
export const labels = z.record(z.string(), z.string());
export type Labels = Readonly<Record<string, string>>;

const skillCard = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  tags: z.array(z.string()).default([]),
  examples: z.array(z.string()).default([]),
  inputSchema: jsonSchema,
  outputSchema: jsonSchema.optional(),
  /** How long one attempt may take, and how many there are. */
  limits: z
    .looseObject({
      timeoutMs: z.number().optional(),
      attempts: z.number().optional(),
    })
    .optional(),
});

export const agentCard = z.object({
  name: z.string(),
  description: z.string(),
  version: z.string(),
  lane: z.string(),
  labels: labels.default({}),
  skills: z.array(skillCard),
  /** It keeps an actor for each context, so that its tasks must name theirs. */
  stateful: z.boolean().optional(),
});

/** What an instance says of itself with each heartbeat. */
export const instanceCard = z.object({
  agent: z.string(),
  instance: z.string(),
  version: z.string(),
  lane: z.string(),
  /** Which card of the agent it stands for: two that differ have other digests. */
  card: z.string().default(""),
  /** The ids of its skills, as that card describes them. */
  skills: z.array(z.string()).default([]),
  labels: labels.default({}),
  /** Its share where work is spread by weight. */
  weight: z.number().default(1),
  state: z.enum([
    "starting",
    "registering",
    "ready",
    "paused",
    "degraded",
    "draining",
    "stopped",
  ]),
  /** What keeps it from taking tasks, where it is degraded. */
  troubles: z.array(z.string()).optional(),
  concurrency: z.number(),
  running: z.number(),
  done: z.number(),
  failed: z.number(),
  /** How long its last tasks took, the newest counting most; none as long as it had none. */
  latencyMs: z.number().optional(),
  /** The skills whose breaker is open: they fail, and rest for a while. */
  shut: z.array(z.string()).optional(),
  startedAt: z.string(),
  pid: z.number(),
});

export type SkillCard = z.infer<typeof skillCard>;
export type AgentCard = z.infer<typeof agentCard>;
export type InstanceCard = z.infer<typeof instanceCard>;

/** The same for cards that say the same, in whatever order their fields came. */
export function digestOf(card: AgentCard): string {
  const text = JSON.stringify(agentCard.parse(card), sortedKeys);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
