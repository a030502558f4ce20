// troupe tasks show: all that is known of one task.
import type { TaskSummary } from "../bus/tasks/task-list.js";
import { describeNeed } from "../protocol/need.js";
import type { Route } from "../protocol/route.js";
import {
  isTerminal,
  type TaskEvent,
  type TaskState,
} from "../protocol/task.js";
import type { Bus } from "../troupe.js";
import { eventLine } from "./event-line.js";
import { dateOf } from "./times.js";
import { cutText, inputRows, jsonText } from "./input-text.js";
import type { Colour, Fact, Output } from "./output.js";
import {
  progressOf,
  progressRows,
  type TaskProgress,
} from "./task-progress.js";
import {
  missingWorkers,
  workersText,
  type TaskWorkers,
} from "./task-worker.js";
import type { Call } from "./verb.js";
import { waitText } from "./wait-text.js";

const colours: Partial<Record<TaskState, Colour>> = {
  submitted: "cyan",
  working: "blue",
  completed: "green",
  failed: "red",
};

export function stateText(state: TaskState, output: Output): string {
  return output.paint(colours[state] ?? "magenta", state);
}

export async function showTask(
  { output }: Call,
  bus: Bus,
  task: TaskSummary,
): Promise<void> {
  const events: TaskEvent[] = [];
  const { taskId, agent } = task;
  for await (const event of bus.replay({ task: taskId, agent }))
    events.push(event);
  const [progress, workers] = await Promise.all([
    progressOf(bus, task),
    missingWorkers(bus, task, events),
  ]);
  if (output.json)
    return output.object({
      ...task,
      events,
      ...progress?.facts,
      ...(workers && { workers }),
    });
  output.facts([
    ...factsOf(task, progress, events, output),
    ["worker", workers && workersText(task, workers)],
    ...progressRows(task, progress),
  ]);
  output.line();
  for (const event of events) output.line(eventLine(event, output));
  if (events.length === 0) output.line(noEvents(task, progress, workers));
}

/** Events are what an attempt leaves behind, and the end. */
function noEvents(
  { state, waitsFor }: TaskSummary,
  progress: TaskProgress | undefined,
  workers: TaskWorkers | undefined,
): string {
  if (waitsFor !== undefined)
    return "No events yet: it has left its worker, and no attempt has failed.";
  if (workers)
    return state === "submitted"
      ? "No events yet: it waits."
      : "No events yet: its first attempt has begun.";
  if (state === "submitted")
    return "No events yet: it waits, or its first attempt runs.";
  return progress?.facts.journal
    ? "No events yet: its first attempt runs, or goes on."
    : "No events yet: its first attempt runs.";
}

function factsOf(
  task: TaskSummary,
  progress: TaskProgress | undefined,
  events: readonly TaskEvent[],
  output: Output,
): Fact[] {
  return [
    ["task", task.taskId],
    ["state", stateText(task.state, output)],
    ["skill", `${task.agent}.${task.skill}`],
    ["level", task.level],
    ["key", task.key],
    ["lane", task.lane],
    ["context", task.context],
    ["routed", task.route && routeText(task.route)],
    ...dueFacts(task, progress?.arrived?.isAll),
    ["deadline", task.deadline && dateOf(task.deadline)],
    ["attempts", attemptsText(task, events)],
    ["at", dateOf(task.at)],
    ...inputRows(task),
    ["output", jsonText(task.output)],
    [
      "error",
      task.error && cutText(`${task.error.code}: ${task.error.message}`),
    ],
  ];
}

/** Of one that has ended it is known which attempt ended it; one that waits for something begins another each time. */
function attemptsText(
  { state, attempts }: TaskSummary,
  events: readonly TaskEvent[],
): string {
  if (!isTerminal(state)) return `${attempts} failed`;
  const failed = events.filter(
    ({ kind }) => kind === "attempt" || kind === "failed",
  ).length;
  const isPlain = attempts <= failed + (state === "failed" ? 0 : 1);
  return isPlain
    ? String(attempts)
    : `${failed === 0 ? "none" : failed} failed; it was begun or gone on with ${attempts} times`;
}

/** The message of one that is parked was stored when it was. */
function dueFacts(
  { waitsFor, dueAt, at }: TaskSummary,
  hasCome = false,
): Fact[] {
  if (waitsFor === undefined) return [["due", dueAt && dateOf(dueAt)]];
  const wait = hasCome
    ? "what it waits for has come"
    : `it ${waitText({ waitsFor, dueAt })}`;
  return [
    ["now", `under way; ${wait}`],
    ["parked", `since ${dateOf(at)}: no worker has it as long as it waits`],
  ];
}

function routeText({ need, strategy, why, fitting }: Route): string {
  const others = fitting === 1 ? "" : `, of ${fitting} that fitted`;
  return `for ${describeNeed(need)} by ${strategy}: ${why}${others}`;
}
