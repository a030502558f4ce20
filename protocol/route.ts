// Why a task went where it went: what was needed, who could have done it, and by what one was chosen. It
// travels as a header of the task, and its end event carries it on, so that the log says it for ever.
import { z } from "zod";
import { strategies, type Need, type Strategy } from "./need.js";

export interface RouteCandidate {
  agent: string;
  lane: string;
  skill: string;
  version: string;
  /** How well it fits plain words, from 0 to 1. */
  score?: number;
  /** Instances that take tasks. */
  instances: number;
  /** Tasks in hand for each place there is, from 0. */
  load?: number;
  latencyMs?: number;
  weight?: number;
}

export interface Route extends RouteCandidate {
  need: Need;
  strategy: Strategy;
  /** In words, what decided. */
  why: string;
  /** The best of those that fitted, the chosen one among them. */
  candidates: RouteCandidate[];
  /** How many fitted in all. */
  fitting: number;
}

const candidate = z.object({
  agent: z.string(),
  lane: z.string(),
  skill: z.string(),
  version: z.string(),
  score: z.number().optional(),
  instances: z.number(),
  load: z.number().optional(),
  latencyMs: z.number().optional(),
  weight: z.number().optional(),
});

const route = candidate.extend({
  need: z.looseObject({}),
  strategy: z.enum(strategies),
  why: z.string(),
  candidates: z.array(candidate),
  fitting: z.number(),
});

/** More than this no header needs to say. */
const maxText = 200;
const maxBytes = 2_000;

export function toRouteHeader(of: Route): string {
  const { text } = of.need;
  const need =
    text === undefined || text.length <= maxText
      ? of.need
      : { ...of.need, text: `${text.slice(0, maxText)}…` };
  const full = JSON.stringify({ ...of, need });
  if (full.length <= maxBytes) return full;
  return JSON.stringify({ ...of, need, candidates: of.candidates.slice(0, 1) });
}

/** Undefined for what others put there and is none (R7). */
export function parseRouteHeader(text: string): Route | undefined {
  try {
    return route.parse(JSON.parse(text)) as Route;
  } catch {
    return undefined;
  }
}
