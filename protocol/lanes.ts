// A split between the lanes of an agent: which of them gets a task whose submitter named none. Pure, and the
// same in every process, so that all come to the same answer without a word.
//
// 1. Tasks with a key go by the partition that the server hashes their key to: a partition has one lane, and its
//    consumer lets one task be in hand at a time, so a key is never in two lanes at once (R4, ADR 0018).
// 2. Tasks with a context, and no key, go by the same partitions: a context meets one lane, and the same whether
//    its tasks name it as key or as context.
// 3. All others go by a hash of their id, exactly by weight.
// 4. When weights change, no more partitions move than must.
import { z } from "zod";
import { TroupeError } from "./errors.js";
import { defaultLane, partitionCount, partitionOf } from "./subjects.js";
import { encodeToken, keyToken } from "./tokens.js";

/** Lanes by name; their weights in any unit, such as percent. */
export type Weights = Readonly<Record<string, number>>;

export interface Split {
  weights: Weights;
  /** Whose each partition is. */
  partitions: readonly string[];
}

export interface LaneSetting {
  /** None: everything goes to main. */
  split?: Split | undefined;
  /** What a rollback goes back to, newest first; empty weights stand for no split. */
  earlier: readonly Weights[];
  /** Names the change that led here, so that one that is sent again is not made twice. */
  change?: string | undefined;
}

/** What of a task decides. */
export interface Choice {
  taskId: string;
  key?: string | undefined;
  context?: string | undefined;
}

const earlierKept = 20;
const weights = z.record(z.string(), z.number().nonnegative());

export const laneSetting: z.ZodType<LaneSetting> = z.looseObject({
  split: z
    .looseObject({
      weights,
      partitions: z.array(z.string()).length(partitionCount),
    })
    .optional(),
  earlier: z.array(weights).default([]),
  change: z.string().optional(),
});

export function laneOf(split: Split, { key, context, taskId }: Choice): string {
  const place = key ?? context;
  return place === undefined
    ? laneAt(split.weights, fractionOf(taskId))
    : split.partitions[partitionOf(keyToken(place))]!;
}

/** Sets new weights, where they may be rolled back to the old ones. Throws ARGUMENT_INVALID. */
export function withWeights(
  setting: LaneSetting,
  wanted: Weights,
): LaneSetting {
  lanesChecked(wanted);
  const before = setting.split?.weights ?? {};
  const earlier = [before, ...setting.earlier].slice(0, earlierKept);
  return { ...setting, split: toSplit(setting.split, wanted), earlier };
}

/** Throws ARGUMENT_INVALID when there is nothing to go back to. */
export function rolledBack(agent: string, setting: LaneSetting): LaneSetting {
  const [last, ...earlier] = setting.earlier;
  if (!last)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `the lanes of agent "${agent}" have no earlier split to go back to: set one, or clear the one that is there`,
    );
  return { ...setting, split: toSplit(setting.split, last), earlier };
}

/** The lanes that get anything. */
export const lanesOf = (weights: Weights): string[] =>
  Object.keys(weights).filter((lane) => weights[lane]! > 0);

/** All to main is as without a split. */
function toSplit(
  before: Split | undefined,
  wanted: Weights,
): Split | undefined {
  const lanes = lanesOf(wanted);
  if (lanes.every((lane) => lane === defaultLane)) return undefined;
  const weights = Object.fromEntries(lanes.map((l) => [l, wanted[l]!]));
  return { weights, partitions: assign(before?.partitions, weights) };
}

function lanesChecked(wanted: Weights): void {
  for (const [lane, weight] of Object.entries(wanted)) {
    encodeToken(lane, "lane");
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `weight ${weight} of lane "${lane}" is none: use a number from 0 up`,
      );
  }
  const lanes = lanesOf(wanted);
  if (lanes.length >= 1 && lanes.length <= partitionCount) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `a split needs 1 to ${partitionCount} lanes with a weight above 0, and this one has ${lanes.length}: change it`,
  );
}

/** Each lane its share of the partitions, and at least one; those that it had stay as far as that allows. */
export function assign(
  before: readonly string[] = Array<string>(partitionCount).fill(defaultLane),
  weights: Weights,
): string[] {
  const left = sharesOf(weights);
  const kept = before.map((lane) => {
    const share = left.get(lane) ?? 0;
    if (share === 0) return undefined;
    left.set(lane, share - 1);
    return lane;
  });
  const free = [...left].flatMap(([lane, share]) =>
    Array<string>(share).fill(lane),
  );
  return kept.map((lane) => lane ?? free.shift()!);
}

/** By largest remainders. */
function sharesOf(weights: Weights): Map<string, number> {
  const lanes = lanesOf(weights);
  const total = lanes.reduce((sum, lane) => sum + weights[lane]!, 0);
  const exact = (lane: string) => (weights[lane]! / total) * partitionCount;
  const shares = new Map(
    lanes.map((lane) => [lane, Math.max(1, Math.floor(exact(lane)))]),
  );
  const missing = () =>
    partitionCount - [...shares.values()].reduce((sum, n) => sum + n, 0);
  /** How far a lane is below its exact share. */
  const below = (lane: string) => exact(lane) - shares.get(lane)!;
  for (let n = missing(); n !== 0; n = missing()) {
    const able = lanes.filter((lane) => n > 0 || shares.get(lane)! > 1);
    const next = able.reduce((a, b) =>
      (n > 0 ? below(b) > below(a) : below(b) < below(a)) ? b : a,
    );
    shares.set(next, shares.get(next)! + Math.sign(n));
  }
  return shares;
}

/** Exactly by weight; the fraction is from 0 to 1. */
export function laneAt(weights: Weights, fraction: number): string {
  const lanes = lanesOf(weights);
  const total = lanes.reduce((sum, lane) => sum + weights[lane]!, 0);
  let upTo = 0;
  for (const lane of lanes) {
    upTo += weights[lane]! / total;
    if (fraction < upTo) return lane;
  }
  return lanes.at(-1)!;
}

/** FNV-1a and the last mixing of murmur3: ids that differ in one letter are spread evenly over 0 to 1. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
