// How many replicas: "4", "1..8", "auto" (as many as there are cores) or "2..auto".
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { wrongUsage } from "../exit.js";

export interface Bounds {
  least: number;
  most: number;
}

const mostReplicas = 256;

/** Throws ARGUMENT_INVALID. */
export function toBounds(text: string, cores = usableCores()): Bounds {
  const [first = "", second = first, ...rest] = text.split("..");
  const [least, most] = [toCount(first, cores), toCount(second, cores)];
  if (rest.length > 0 || least === undefined || most === undefined)
    throw wrongUsage(
      `--replicas "${text}" is none: write a number such as 4, bounds such as 1..8, or auto for one a core`,
    );
  if (least > most)
    throw wrongUsage(
      `--replicas "${text}" has its bounds the wrong way round: write ${most}..${least}`,
    );
  return { least, most };
}

function toCount(text: string, cores: number): number | undefined {
  if (text === "auto") return cores;
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= mostReplicas ? count : undefined;
}

/**
 * The cores that this process may use: those that its affinity allows (Node asks the system), and no more than
 * its control group's quota pays for, which Node 20 does not look at.
 */
export function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), quotaOf(readQuota())));
}

/** Of a control group's cpu.max: "200000 100000" is two cores, "max 100000" no limit. */
export function quotaOf(text: string): number {
  const [quota = "", period = ""] = text.trim().split(" ");
  const cores = Number(quota) / Number(period);
  return cores > 0 ? Math.ceil(cores) : Number.POSITIVE_INFINITY;
}

function readQuota(): string {
  try {
    return readFileSync("/sys/fs/cgroup/cpu.max", "utf8");
  } catch {
    return ""; // no such control group
  }
}
