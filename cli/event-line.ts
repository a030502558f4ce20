// An event of a task, or of an agent, as one line for people.
import type { AgentEvent } from "../protocol/agent-events.js";
import { formatMs } from "../protocol/duration.js";
import type { TaskEvent } from "../protocol/task.js";
import { timeOf, dateOf } from "./times.js";
import type { Colour, Output } from "./output.js";
import { sizeOf } from "./sizes.js";
import { padTo, shorten } from "./table.js";
import { parkedText } from "./wait-text.js";

const colours: Readonly<Record<TaskEvent["kind"], Colour>> = {
  started: "blue",
  attempt: "yellow",
  returned: "yellow",
  fallback: "yellow",
  progress: "cyan",
  completed: "green",
  failed: "red",
  canceled: "magenta",
  rejected: "magenta",
};

const detailLength = 100;

/** Time, kind, agent and skill, task, and what it says. */
export function eventLine(
  event: TaskEvent | AgentEvent,
  output: Output,
): string {
  return "taskId" in event
    ? taskEventLine(event, output)
    : agentEventLine(event, output);
}

/** Time, kind, agent, instance, and what it says. */
function agentEventLine(event: AgentEvent, output: Output): string {
  const { kind, agent, instance } = event;
  return [
    output.paint("dim", timeOf(event.at ?? new Date())),
    padTo(output.paint("bold", kind), 19),
    padTo(agent, 18),
    padTo(instance === "-" ? "agent" : `instance ${instance}`, 26),
    shorten(agentEventText(event), detailLength),
  ]
    .join("  ")
    .trimEnd();
}

/** Names of moments: milliseconds since 1970, or a date in ISO form. */
const moments = /^(until|since|at|[a-z]+At)$/;

/** Durations, moments, shares and sizes as the other verbs print them. Events of others may say anything. */
function agentEventText({ kind, data }: AgentEvent): string {
  const inBytes = kind === "near-limit" && data["of"] === "bytes";
  return Object.entries(data)
    .map(([name, value]) =>
      inBytes && typeof value === "number"
        ? `${name} ${sizeOf(value)}`
        : said(name, value),
    )
    .join(", ");
}

function said(name: string, value: unknown): string {
  if (typeof value === "number" && name.endsWith("Ms"))
    return `${name.slice(0, -2)} ${formatMs(value)}`;
  if (moments.test(name)) return `${name} ${momentText(value)}`;
  return `${name} ${valueText(value)}`;
}

function momentText(value: unknown): string {
  const isMoment = typeof value === "number" || typeof value === "string";
  const at = new Date(isMoment ? value : Number.NaN);
  return Number.isNaN(at.getTime()) ? valueText(value) : dateOf(at);
}

/** Weights as they are given to a split: main=90 canary=10. */
function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value);
  if (entries.some(([, each]) => typeof each === "object"))
    return JSON.stringify(value);
  if (entries.length === 0) return "none";
  return Array.isArray(value)
    ? value.join(" ")
    : entries.map(([name, each]) => `${name}=${each}`).join(" ");
}

function taskEventLine(event: TaskEvent, output: Output): string {
  const { kind, agent, skill, taskId } = event;
  return [
    output.paint("dim", timeOf(event.at ?? new Date())),
    padTo(output.paint(colours[kind], kind), 9),
    padTo(skill === undefined ? agent : `${agent}.${skill}`, 18),
    padTo(taskId, 26),
    shorten(detailOf(event), detailLength),
  ]
    .join("  ")
    .trimEnd();
}

export function detailOf(event: TaskEvent): string {
  const { kind, attempt = 1, error, output, progress } = event;
  if (progress !== undefined)
    return [
      progress.total === undefined
        ? `${progress.progress}`
        : `${progress.progress} of ${progress.total}`,
      progress.message ?? "",
    ].join(" ");
  if (kind === "completed") return JSON.stringify(output) ?? "";
  if (kind === "started")
    return `attempt ${attempt} by ${event.instance ?? "?"}`;
  const said = error === undefined ? "" : `${error.code}: ${error.message}`;
  if (kind === "returned") return returnedText(attempt, said, error);
  if (kind === "fallback" && event.fallback) {
    const { agent, skill, taskId } = event.fallback;
    return `${agent}.${skill} does it as ${taskId}, ${said}`;
  }
  return kind === "attempt" ? `attempt ${attempt} failed, ${said}` : said;
}

/** Whoever parks a task gives it back as a worker does that stops; but nothing has gone wrong. */
function returnedText(
  attempt: number,
  said: string,
  error: TaskEvent["error"],
): string {
  const waitsFor = /^it waits for (.+)$/s.exec(error?.message ?? "")?.[1];
  return error?.code === "WORKER_STOPPING" && waitsFor !== undefined
    ? `attempt ${attempt} ${parkedText(waitsFor)}`
    : `attempt ${attempt} given back, ${said}`;
}
