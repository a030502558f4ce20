// The card of an agent, in the shape of an A2A AgentCard: what it is called, what it can do, what it takes.
import { z } from "zod";

export const skillCard = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  tags: z.array(z.string()).default([]),
  examples: z.array(z.string()).default([]),
  inputSchema: z.record(z.string(), z.unknown()),
  outputSchema: z.record(z.string(), z.unknown()).optional(),
});

export const agentCard = z.object({
  name: z.string(),
  description: z.string(),
  version: z.string(),
  lane: z.string(),
  skills: z.array(skillCard),
});

/** What an instance says of itself with each heartbeat. */
export const instanceCard = z.object({
  agent: z.string(),
  instance: z.string(),
  version: z.string(),
  lane: z.string(),
  state: z.enum(["ready", "paused", "draining"]),
  concurrency: z.number(),
  running: z.number(),
  done: z.number(),
  failed: z.number(),
  startedAt: z.string(),
  pid: z.number(),
});

export type SkillCard = z.infer<typeof skillCard>;
export type AgentCard = z.infer<typeof agentCard>;
export type InstanceCard = z.infer<typeof instanceCard>;
