// An event of a task, or of an agent, as one line for people.
import type { AgentEvent } from "../protocol/agent-events.js";
import type { TaskEvent } from "../protocol/task.js";
import type { Colour, Output } from "./output.js";
import { padTo, shorten } from "./table.js";

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
  const { kind, agent, instance, data } = event;
  const said = Object.entries(data).map(
    ([name, value]) =>
      `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [
    output.paint("dim", timeOf(event.at ?? new Date())),
    padTo(output.paint("bold", kind), 19),
    padTo(agent, 18),
    padTo(instance === "-" ? "agent" : `instance ${instance}`, 26),
    shorten(said.join(", "), detailLength),
  ]
    .join("  ")
    .trimEnd();
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
  if (kind === "returned") return `attempt ${attempt} given back, ${said}`;
  if (kind === "fallback" && event.fallback) {
    const { agent, skill, taskId } = event.fallback;
    return `${agent}.${skill} does it as ${taskId}, ${said}`;
  }
  return kind === "attempt" ? `attempt ${attempt} failed, ${said}` : said;
}

/** Local time with milliseconds. */
export function timeOf(at: Date): string {
  const two = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** Day and time, to the second. */
export function dateOf(at: Date): string {
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} ${timeOf(at).slice(0, 8)}`;
}
