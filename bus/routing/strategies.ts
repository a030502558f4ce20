// How one is chosen among those that fit. Pure but for what a strategy remembers from one choice to the next,
// which belongs to the connection: two connections take their turns apart.
import { TroupeError } from "../../protocol/errors.js";
import type { Need, Strategy } from "../../protocol/need.js";
import { compareVersions } from "../../protocol/versions.js";
import { defaultLane } from "../../protocol/subjects.js";
import { latencyOf, loadOf, weightOf, type Candidate } from "./candidate.js";

/** What strategies go by beside the candidates. */
export interface Choice {
  need: Need;
  /** The context, or else the key, of the task. */
  context: string | undefined;
  memory: Memory;
  /** Only to see what would be chosen: it counts for nothing. */
  peek: boolean;
}

/** What the strategies of one connection remember. */
export class Memory {
  /** By need: how many turns were taken. */
  readonly turns = new Map<string, number>();
  /** By need and candidate: what is still owed to it. */
  readonly credits = new Map<string, number>();
  /** By candidate: what was sent there since its instances last told of their load. */
  readonly sent = new Map<string, number>();

  /** Its instances told of their load. */
  told(place: string): void {
    this.sent.delete(place);
  }
}

/** Needs are as many as callers invent; those that were long not seen may begin anew. */
const maxRemembered = 10_000;

interface Chosen {
  chosen: Candidate;
  why: string;
}

type Chooser = (candidates: readonly Candidate[], choice: Choice) => Chosen;

/** Of at least one, the best of them first. */
export function choose(
  candidates: readonly Candidate[],
  choice: Choice,
): Chosen {
  return choosers[choice.need.prefer ?? "pull"](candidates, choice);
}

export function placeOf({ lane }: Candidate): string {
  return `${lane.agent}/${lane.lane}`;
}

/** The better fit first, then the default lane, the newer version, and the name. */
export function byRank(one: Candidate, other: Candidate): number {
  return (
    other.score - one.score ||
    Number(other.lane.ready.length > 0) - Number(one.lane.ready.length > 0) ||
    Number(other.lane.lane === defaultLane) -
      Number(one.lane.lane === defaultLane) ||
    compareVersions(other.lane.version, one.lane.version) ||
    byName(one, other)
  );
}

function byName(one: Candidate, other: Candidate): number {
  const [a, b] = [placeOf(one), placeOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first of those for which the figure is least. */
function least(
  candidates: readonly Candidate[],
  figure: (candidate: Candidate) => number,
): Candidate {
  let best = candidates[0]!;
  let lowest = figure(best);
  for (const candidate of candidates) {
    const value = figure(candidate);
    if (value >= lowest) continue;
    best = candidate;
    lowest = value;
  }
  return best;
}

const choosers: Record<Strategy, Chooser> = {
  pull: (candidates) => ({
    chosen: candidates[0]!,
    why:
      candidates.length === 1
        ? "the only one that fits"
        : "the first by fit, lane and version; its instances pull as they have room",
  }),

  "round-robin": (candidates, { need, memory, peek }) => {
    const key = JSON.stringify(need);
    const turn = memory.turns.get(key) ?? 0;
    if (!peek) remember(memory.turns, key, turn + 1);
    const inOrder = [...candidates].sort(byName);
    const at = turn % inOrder.length;
    return { chosen: inOrder[at]!, why: `turn ${at + 1} of ${inOrder.length}` };
  },

  "least-loaded": (candidates, { memory, peek }) => {
    const loadNow = (of: Candidate) =>
      loadOf(of, memory.sent.get(placeOf(of)) ?? 0);
    const chosen = least(candidates, loadNow);
    const place = placeOf(chosen);
    const why = `load ${loadNow(chosen).toFixed(2)} is the least of ${candidates.length}`;
    if (!peek) remember(memory.sent, place, (memory.sent.get(place) ?? 0) + 1);
    return { chosen, why };
  },

  // Smooth: with weights 5 and 1 the turns are a a b a a a, not five and then one.
  weighted: (candidates, { need, memory, peek }) => {
    const key = JSON.stringify(need);
    const shares = candidates.map((candidate) => {
      const of = `${key} ${placeOf(candidate)}`;
      const weight = weightOf(candidate, need.weights);
      const credit = (memory.credits.get(of) ?? 0) + weight;
      return { candidate, of, weight, credit };
    });
    const total = shares.reduce((sum, { weight }) => sum + weight, 0);
    const able = shares.filter(({ weight }) => weight > 0 || total === 0);
    const best = able.reduce((one, other) =>
      other.credit > one.credit ? other : one,
    );
    best.credit -= total;
    if (!peek)
      for (const { of, credit } of shares) remember(memory.credits, of, credit);
    const why = `weight ${best.weight} of ${total}`;
    return { chosen: best.candidate, why };
  },

  // Whoever comes or goes moves only the contexts that are its own (rendezvous hashing).
  sticky: (candidates, { context }) => {
    if (context === undefined)
      throw new TroupeError(
        "ARGUMENT_INVALID",
        'prefer "sticky" needs something to stick to: submit with { context } or { key }',
      );
    const chosen = least(candidates, (each) => hash(context, placeOf(each)));
    return { chosen, why: `"${context}" belongs here` };
  },

  fastest: (candidates) => {
    const chosen = least(candidates, (each) => latencyOf(each) ?? -1);
    const latency = latencyOf(chosen);
    return {
      chosen,
      why:
        latency === undefined
          ? "nothing is known of its speed yet, so it is tried"
          : `${latency.toFixed(1)} ms is the least of ${candidates.length}`,
    };
  },
};

function remember(map: Map<string, number>, key: string, value: number): void {
  if (map.size >= maxRemembered && !map.has(key)) map.clear();
  map.set(key, value);
}

/** FNV-1a, its bits mixed once more so that names that differ by one letter lie far apart. */
function hash(context: string, place: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(`${context}\u0000${place}`)) {
    value ^= byte;
    value = Math.imul(value, 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
