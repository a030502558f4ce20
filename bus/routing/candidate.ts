// Who could do what is needed, and for the others, why not. Pure: it reads the lanes that it is given.
import type { SkillCard } from "../../protocol/card.js";
import type { Need } from "../../protocol/need.js";
import type { RouteCandidate } from "../../protocol/route.js";
import type { Lane } from "./lane.js";

export interface Candidate {
  lane: Lane;
  skill: SkillCard;
  /** Of plain words; 1 where there are none. */
  score: number;
}

/** All else fits: it would do it, were it resumed. */
export const isPaused = "its instances are paused";

/** What a need asks beyond the skill's name: undefined where it fits, else what stands against it. */
export function objection(
  { lane, skill }: Candidate,
  need: Need,
  isAsk: boolean,
): string | undefined {
  if (need.agent !== undefined && need.agent !== lane.agent)
    return "another agent was asked for";
  if (need.skill !== undefined && need.skill !== skill.id)
    return "another skill was asked for";
  const tag = need.tags?.find((wanted) => !skill.tags.includes(wanted));
  if (tag !== undefined) return `it has no tag "${tag}"`;
  if (!lane.has(skill.id)) return "some of its instances do not have the skill";
  if (need.version !== undefined && !lane.fits(need.version))
    return `version ${versionsOf(lane)} does not fit "${need.version}"`;
  for (const [name, value] of Object.entries(need.labels ?? {})) {
    if (lane.labels[name] === value) continue;
    const some = lane.ready.some(({ labels }) => labels[name] === value);
    return some
      ? `only some of its instances have ${name}=${value}: serve those in a lane of their own`
      : `it has not ${name}=${value}`;
  }
  if (lane.ready.length > 0 || (need.offline === true && !isAsk))
    return undefined;
  return lane.instances.size === 0
    ? "no instance lives"
    : `its instances are ${[...new Set([...lane.instances.values()].map(({ state }) => state))].join(" or ")}`;
}

function versionsOf(lane: Lane): string {
  const versions = new Set(lane.ready.map(({ version }) => version));
  return versions.size === 0 ? lane.version : [...versions].join(" and ");
}

/** Tasks in hand for each place there is. */
export function loadOf({ lane }: Candidate, sent = 0): number {
  let running = sent;
  let places = 0;
  for (const instance of lane.ready) {
    running += instance.running;
    places += instance.concurrency;
  }
  return places === 0 ? Number.POSITIVE_INFINITY : running / places;
}

/** Of its instances, each counting as much as it has room; undefined as long as none has done anything. */
export function latencyOf({ lane }: Candidate): number | undefined {
  let sum = 0;
  let places = 0;
  for (const { latencyMs, concurrency } of lane.ready) {
    if (latencyMs === undefined) continue;
    sum += latencyMs * concurrency;
    places += concurrency;
  }
  return places === 0 ? undefined : sum / places;
}

export function weightOf(
  { lane }: Candidate,
  weights: Need["weights"],
): number {
  const given =
    weights?.[`${lane.agent}/${lane.lane}`] ?? weights?.[lane.agent];
  if (given !== undefined) return given;
  if (lane.ready.length === 0) return 1;
  return lane.ready.reduce((sum, { weight }) => sum + weight, 0);
}

/** As the history keeps it. */
export function toRouteCandidate(of: Candidate, need: Need): RouteCandidate {
  const { lane, skill, score } = of;
  const load = loadOf(of);
  const latencyMs = latencyOf(of);
  return {
    agent: lane.agent,
    lane: lane.lane,
    skill: skill.id,
    version: lane.version,
    ...(need.text === undefined ? {} : { score: round(score) }),
    instances: lane.ready.length,
    ...(Number.isFinite(load) ? { load: round(load) } : {}),
    ...(latencyMs === undefined ? {} : { latencyMs: round(latencyMs) }),
    ...(need.prefer === "weighted"
      ? { weight: round(weightOf(of, need.weights)) }
      : {}),
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
