// Durations as people write them: "250ms", "5s", "1m", "2h", "7d", or a number of milliseconds.
import { TroupeError } from "./errors.js";

const unitMs = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
} as const;

/** One of Node's timers that is to last longer ends at once. */
export const longestTimerMs = 2 ** 31 - 1;

export type Duration = number | `${number}${keyof typeof unitMs}`;

/** Milliseconds. Throws ARGUMENT_INVALID for what is no duration; `name` says whose value it was. */
export function toMs(duration: Duration, name = "duration"): number {
  if (
    typeof duration === "number" &&
    duration >= 0 &&
    Number.isFinite(duration)
  )
    return duration;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration));
  if (match) return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `${name} "${String(duration)}" is no duration: write "250ms", "5s", "1m", "2h", "7d" or milliseconds`,
  );
}

/** The shortest way to write it, for people. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  for (const unit of ["d", "h", "m"] as const) {
    if (ms >= unitMs[unit] && ms % unitMs[unit] === 0)
      return `${ms / unitMs[unit]}${unit}`;
  }
  return `${Math.round(ms / 100) / 10}s`;
}
