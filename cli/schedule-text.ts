// A schedule for people, as a row and in full.
import type { LastFiring, Schedule } from "../bus/schedules/summary.js";
import { formatMs } from "../protocol/duration.js";
import { whomIn } from "../protocol/schedule.js";
import { dateOf, zonedDateOf } from "./times.js";
import type { Colour, Output } from "./output.js";
import { shorten } from "./table.js";

const colours: Readonly<Record<Schedule["state"], Colour>> = {
  active: "green",
  paused: "yellow",
  over: "dim",
};

export const scheduleHead = [
  "NAME",
  "STATE",
  "WHEN",
  "SKILL",
  "NEXT",
  "LAST",
  "TASK",
];

export function scheduleRow(schedule: Schedule, output: Output): string[] {
  const { name, state, next, last } = schedule;
  return [
    shorten(name, 40),
    output.paint(colours[state], state),
    whenOf(schedule),
    shorten(whomIn(schedule), 40),
    state === "active" && next[0] ? zonedDateOf(next[0]) : "-",
    last ? dateOf(last.at) : "-",
    last ? outcomeOf(last) : "-",
  ];
}

export function printSchedule(schedule: Schedule, output: Output): void {
  const { name, state, need, input, next, last } = schedule;
  output.line(
    `${output.paint("bold", name)}  ${output.paint(colours[state], state)}${pauseOf(schedule)}`,
  );
  const rows = [
    ["when", whenOf(schedule)],
    [need ? "need" : "skill", whomIn(schedule)],
    ["input", shorten(JSON.stringify(input) ?? "-", 100)],
    ...optionRows(schedule),
    ["missed", missedOf(schedule)],
    [
      state === "paused" ? "next, resumed" : "next",
      next.map(zonedDateOf).join(", ") || "-",
    ],
    ["last", last ? lastText(last) : "-"],
  ];
  output.rows(rows.map(([what, text]) => [`  ${what}`, text!]));
}

function optionRows(schedule: Schedule): string[][] {
  const { priority, key, context, lane, deadlineMs, from, until } = schedule;
  const rows: [string, string | undefined][] = [
    ["priority", priority],
    ["key", key],
    ["context", context],
    ["lane", lane],
    ["deadline", deadlineMs === undefined ? undefined : formatMs(deadlineMs)],
    ["from", from && zonedDateOf(from)],
    ["until", until && zonedDateOf(until)],
  ];
  return rows.flatMap(([what, text]) =>
    text === undefined ? [] : [[what, text]],
  );
}

function whenOf({ when, timeZone }: Schedule): string {
  return timeZone === undefined ? when : `${when} (${timeZone})`;
}

function pauseOf({ pausedSince, reason }: Schedule): string {
  const since = pausedSince ? ` since ${dateOf(pausedSince)}` : "";
  return `${since}${reason === undefined ? "" : `: ${shorten(reason, 1_000)}`}`;
}

function missedOf({ catchUp, leftOut }: Schedule): string {
  const how =
    catchUp === 0 ? "skipped" : `caught up with, the newest ${catchUp}`;
  if (!leftOut) return how;
  return `${how}; left out were those from ${dateOf(leftOut.from)} until ${dateOf(leftOut.before)}`;
}

function outcomeOf({ state, refused }: LastFiring): string {
  return refused === undefined ? (state ?? "unknown") : "refused";
}

function lastText(last: LastFiring): string {
  const { at, taskId, agent, skill, byHand, refused } = last;
  const by = agent === undefined ? "" : `  by ${agent}.${skill}`;
  const hand = byHand ? ", by hand" : "";
  const why = refused === undefined ? "" : `: ${refused}`;
  return `${dateOf(at)}${hand}  ${taskId}${by}  ${outcomeOf(last)}${why}`;
}
