// When a schedule fires. The parsing of cron expressions, time zones and their changes of clock are croner's.
//
// 1. All is told from the schedule and a moment alone: every process comes to the same times.
// 2. Times are whole seconds where they come from a cron expression; `after` is never among its own answers.
import { Cron } from "croner";
import { formatMs, toMs, type Duration } from "./duration.js";
import { messageOf, TroupeError } from "./errors.js";
import { didYouMean } from "./nearest.js";
import type { ScheduleDefinition, Timing } from "./schedule.js";

/** A cron expression, or every so often. */
export type When = string | { cron: string } | { every: Duration };

export interface Rhythm {
  definition: Pick<ScheduleDefinition, "timing" | "from" | "until">;
  anchor: number;
}

const shortestMs = 1_000;
const longestMs = toMs("36500d");
const defaultTimeZone = "UTC";

/** Throws ARGUMENT_INVALID, with the place in the expression. */
export function toTiming(when: When, timeZone?: string): Timing {
  if (typeof when === "object" && when !== null && "every" in when) {
    if (timeZone !== undefined)
      throw invalid(
        `time zone "${timeZone}" says nothing about a schedule that fires every so often: leave it out, or write a cron expression`,
      );
    return { everyMs: toEveryMs(when.every) };
  }
  const cron = typeof when === "string" ? when : when?.cron;
  const every = typeof cron === "string" ? everyIn(cron) : undefined;
  if (every !== undefined)
    throw invalid(
      `"${cron}" is no cron expression: write { every: "${every}" } for a schedule that fires every so often`,
    );
  const zone = timeZone ?? defaultTimeZone;
  checkZone(zone);
  parse({ cron, timeZone: zone });
  return { cron: cron.trim(), timeZone: zone };
}

const units: readonly [RegExp, string][] = [
  [/^(ms|msecs?|milliseconds?)$/, "ms"],
  [/^(s|secs?|seconds?)$/, "s"],
  [/^(m|mins?|minutes?)$/, "m"],
  [/^(h|hrs?|hours?)$/, "h"],
  [/^(d|days?)$/, "d"],
];

/** The duration that somebody means who writes it in the place of a cron expression: "5m", "every 1 s", "every minute". */
export function everyIn(text: string): string | undefined {
  const interval = /^(every\s+)?(\d+(?:\.\d+)?)?\s*([a-z]+)$/i;
  const [, every, count = every && "1", word = ""] =
    interval.exec(text.trim()) ?? [];
  const unit = units.find(([names]) => names.test(word.toLowerCase()))?.[1];
  return count === undefined || unit === undefined ? undefined : count + unit;
}

function toEveryMs(every: Duration): number {
  const everyMs = Math.round(toMs(every, "every"));
  if (everyMs < shortestMs)
    throw invalid(
      `every "${every}" is too short: a schedule fires every ${formatMs(shortestMs)} at the most often`,
    );
  if (everyMs > longestMs)
    throw invalid(`every "${every}" is too long: a hundred years at most`);
  return everyMs;
}

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `time zone ${JSON.stringify(timeZone)} is unknown: write its IANA name, such as "Europe/Berlin" or "UTC"`,
      { cause },
    );
  }
}

const fields = /^\s*(@[a-z]+|\S+(\s+\S+){4,5})\s*$/i;

function parse({ cron, timeZone }: { cron: unknown; timeZone: string }): Cron {
  // Croner also takes a date, and a seventh field for the year.
  if (typeof cron !== "string" || !fields.test(cron))
    throw unreadable(cron, "it has not 5 or 6 fields");
  const [name = ""] = cron.trim().split(/\s/);
  if (name.startsWith("@") && !nicknames.includes(name.toLowerCase()))
    throw unreadable(cron, didYouMean(name, nicknames, noNickname));
  try {
    return new Cron(cron, {
      timezone: timeZone,
      mode: "5-or-6-parts",
      fixedTimeRule: isFixed(cron) ? "no-wildcard" : "single-value",
    });
  } catch (cause) {
    throw unreadable(cron, messageOf(cause).replace(/^Cron\w+: /, ""), cause);
  }
}

const nicknames = [
  "@hourly",
  "@daily",
  "@midnight",
  "@weekly",
  "@monthly",
  "@yearly",
  "@annually",
];
const noNickname = `there is only ${nicknames.join(", ")}`;

/**
 * Whether its times of day are written out, one or a list of them: when the clock is changed, none of them is lost or
 * doubled. Croner alone takes only single ones for fixed, or ranges, too.
 */
function isFixed(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  const timesOfDay = fields.slice(0, fields.length - 3);
  return timesOfDay.every((field) => /^[\d,]+$/.test(field));
}

/** Of what somebody else has written. */
export function isReadable(timing: Timing): boolean {
  try {
    if ("cron" in timing) parse(timing).nextRun();
    else toEveryMs(timing.everyMs);
    return true;
  } catch {
    return false;
  }
}

function unreadable(cron: unknown, why: string, cause?: unknown): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `cron ${JSON.stringify(cron) ?? "undefined"} cannot be read: ${why.replace(/\.$/, "")}${why.endsWith("?") ? "" : "."} Write minute, hour, day, month and weekday, such as "0 3 * * *", with seconds before them where they matter, or "@daily"`,
    { cause },
  );
}

/** The first firing after a moment; undefined when there is none any more. */
export function nextFiring(rhythm: Rhythm, after: number): number | undefined {
  const { timing, from, until } = rhythm.definition;
  const start = Math.max(after, (from ?? 0) - 1);
  const at =
    "cron" in timing
      ? parse(timing).nextRun(new Date(start))?.getTime()
      : nextTick(rhythm.anchor, timing.everyMs, start);
  return at === undefined || at > (until ?? Number.POSITIVE_INFINITY)
    ? undefined
    : at;
}

function nextTick(anchor: number, everyMs: number, after: number): number {
  const count = Math.max(0, Math.floor((after - anchor) / everyMs) + 1);
  return anchor + count * everyMs;
}

/** The newest firings before a moment and not before another, `most` of them at most, oldest first. */
export function newestFirings(
  rhythm: Rhythm,
  { from, before, most }: { from: number; before: number; most: number },
): number[] {
  if (most <= 0 || before <= from) return [];
  const { timing } = rhythm.definition;
  const start =
    "cron" in timing ? from : Math.max(from, before - most * timing.everyMs);
  const times =
    "cron" in timing
      ? parse(timing)
          .previousRuns(most, new Date(before))
          .map((date) => date.getTime())
          .toReversed()
      : ticks(rhythm.anchor, timing.everyMs, { from: start, before });
  return times.filter((at) => at >= from && at < before);
}

function ticks(
  anchor: number,
  everyMs: number,
  { from, before }: { from: number; before: number },
): number[] {
  const times: number[] = [];
  for (let at = nextTick(anchor, everyMs, from - 1); at < before; at += everyMs)
    times.push(at);
  return times;
}

function invalid(message: string): TroupeError {
  return new TroupeError("ARGUMENT_INVALID", message);
}
