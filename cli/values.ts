// From words to values: JSON, moments, durations, levels, kinds. Each throws ARGUMENT_INVALID for what is none.
import { readFileSync } from "node:fs";
import {
  agentEventKinds,
  type AgentEvent,
  type AgentEventKind,
} from "../protocol/agent-events.js";
import { toMs, type Duration } from "../protocol/duration.js";
import { messageOf } from "../protocol/errors.js";
import { levels, type Level } from "../protocol/levels.js";
import { terminalStates, type TaskEvent } from "../protocol/task.js";
import { wrongUsage } from "./exit.js";
import { unknownWord } from "./nearest.js";

/** `-` is standard input. */
export function toJson(text: string, what: string): unknown {
  const source = text === "-" ? textIn(0) : text;
  try {
    return JSON.parse(source);
  } catch (error) {
    throw wrongUsage(
      `${what} is no JSON (${messageOf(error)}): write it such as '{"text":"hello"}', in quotes`,
    );
  }
}

/** Of a file, or of standard input (0): some editors begin it with a mark of the order of its bytes. */
export const textIn = (file: string | 0): string =>
  readFileSync(file, "utf8").replace(/^\ufeff/, "");

/** With a unit: a program means milliseconds by a number, a person who types it seconds. */
export function toDuration(text: string, what: string): Duration {
  if (text !== "0" && /^\d+(\.\d+)?$/.test(text))
    throw wrongUsage(
      `${what} "${text}" has no unit: write ${text}s or ${text}ms`,
    );
  const duration = (text === "0" ? 0 : text) as Duration;
  toMs(duration, what);
  return duration;
}

/** "1h" ago, or a date. */
export function toMoment(text: string, what: string): Date | Duration {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return text as Duration;
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw wrongUsage(
      `${what} "${text}" is neither a duration such as "1h" nor a date such as "2030-01-31T12:00:00Z"`,
    );
  return date;
}

/** A word of those that there are; `what` says in the error what they are. */
export function oneOf<Word extends string>(
  what: string,
  text: string,
  known: readonly Word[],
): Word {
  const found = known.find((word) => word === text);
  if (found !== undefined) return found;
  throw wrongUsage(unknownWord(what, text, known));
}

export const toLevel = (text: string): Level => oneOf("priority", text, levels);

/**
 * Of a task's event; or "agent", which is all that happens to agents and their instances, or one kind of that.
 * "started" is a task's: an instance's is among those of "agent".
 */
export type Kind = TaskEvent["kind"] | "agent" | AgentEventKind;
const taskKinds: readonly TaskEvent["kind"][] = [
  "started",
  "attempt",
  "returned",
  "fallback",
  "progress",
  ...terminalStates,
];
const kinds: readonly Kind[] = [
  ...taskKinds,
  "agent",
  ...agentEventKinds.filter((kind) => kind !== "started"),
];
export const kindsHelp = `only ${taskKinds.join(", ")}; agent for all that happens to agents, or one kind of that, such as paused`;

export const toKinds = (texts: readonly string[]): Kind[] =>
  texts.map((text) => oneOf("kind", text, kinds));

/** All where none is named. */
export function fits(
  kinds: readonly Kind[],
  event: TaskEvent | AgentEvent,
): boolean {
  if (kinds.length === 0) return true;
  const wanted: readonly string[] = kinds;
  if ("taskId" in event) return wanted.includes(event.kind);
  if (kinds.includes("agent")) return true;
  return event.kind !== "started" && wanted.includes(event.kind);
}

/** `region=eu` each. Undefined where there is none. */
export function toLabels(
  texts: readonly string[],
): Record<string, string> | undefined {
  if (texts.length === 0) return undefined;
  const pairs = texts.map((text) => {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
    if (name !== undefined && value !== undefined) return [name, value];
    throw wrongUsage(`--label "${text}" is none: write it such as region=eu`);
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}
