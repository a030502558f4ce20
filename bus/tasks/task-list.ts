// Which tasks there are: those that wait or are in hand, read from their queues without consuming, and the
// newest ends from the log. Bounded on every side, whatever the length of the queues and of the log.
import { TroupeError } from "../../protocol/errors.js";
import type { Level } from "../../protocol/levels.js";
import type { Route } from "../../protocol/route.js";
import { defaultLane } from "../../protocol/subjects.js";
import { routeOf } from "../../protocol/task-events.js";
import {
  isTerminal,
  stateAfter,
  terminalStates,
  type TaskEvent,
  type TaskState,
} from "../../protocol/task.js";
import { addressOf, requestIn } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { eventsOf, pendingTask, taskSubjectOf } from "../history/history.js";
import type { StoredMessage } from "../history/stored.js";
import { replay } from "../history/replay.js";
import { parkingOf } from "../journal/parking.js";
import { Handouts } from "./handouts.js";
import { waitingTasks } from "./waiting.js";

export interface TaskFilter {
  agent?: string;
  /** With an agent: which of its lanes. Default main. */
  lane?: string;
  /** At most so many that wait, and so many that have ended. Default 20. */
  limit?: number;
}

export interface TaskSummary {
  taskId: string;
  agent: string;
  skill: string;
  state: TaskState;
  /** When it ended; for one that has not, when its message was stored. */
  at: Date;
  level?: Level;
  lane?: string;
  key?: string;
  context?: string;
  /** Why it went where it went, where it was routed by a need. */
  route?: Route;
  /** Until then a timer keeps it. */
  dueAt?: Date;
  /** In words: it has left its worker until that happens, at the latest until `dueAt`. */
  waitsFor?: string;
  deadline?: Date;
  /** Attempts that failed, or the one that ended it. */
  attempts: number;
  input?: unknown;
  output?: unknown;
  error?: TroupeError;
}

const defaultLimit = 20;
const longestLimit = 10_000;
const timersRead = 2_000;
const eventsRead = 50_000;

/** What has not ended, next first; then what has, newest first. */
export async function listTasks(
  link: Link,
  filter: TaskFilter = {},
): Promise<TaskSummary[]> {
  const limit = checkLimit(filter.limit ?? defaultLimit);
  const { agent, lane = defaultLane } = filter;
  const whose = agent === undefined ? {} : { agent, lane };
  const [pending, ended] = await Promise.all([
    takeFrom(waitingTasks(link, whose, { mostTimers: timersRead }), limit),
    newestEnds(link, filter, limit),
  ]);
  const summaries = await Promise.all(
    pending.map((stored) => pendingSummary(link, stored)),
  );
  const over = new Set(ended.map(({ taskId }) => taskId));
  return [
    // An ended task may still be in its queue for a moment.
    ...summaries.filter(
      ({ taskId, state }) => !over.has(taskId) && !isTerminal(state),
    ),
    ...ended.map(endedSummary),
  ];
}

/** One task; undefined when it was never submitted or has aged out. */
export async function findTask(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<TaskSummary | undefined> {
  const pending = await pendingTask(link, taskId, agent);
  if (pending) return pendingSummary(link, pending);
  // Not the other way round: its message goes only after its end is stored (R3).
  const end = (await eventsOf(link, taskId, agent)).find(isEnd);
  return end && endedSummary(end);
}

/** Looks further and further back, until there are enough or the log has no more. */
async function newestEnds(
  link: Link,
  { agent }: TaskFilter,
  limit: number,
): Promise<TaskEvent[]> {
  const stream = link.subjects.streams.events;
  const { state } = await link.jsm.streams.info(stream);
  const wayBack = Math.min(eventsRead, state.last_seq + 1 - state.first_seq);
  for (let back = limit * 2; ; back = Math.min(wayBack, back * 8)) {
    const from = Math.max(state.first_seq, state.last_seq + 1 - back);
    const ends = await endsFrom(link, from, agent);
    if (ends.length >= limit || back >= wayBack)
      return ends.slice(-limit).reverse();
  }
}

async function endsFrom(
  link: Link,
  from: number,
  agent: string | undefined,
): Promise<TaskEvent[]> {
  const ofAgent = agent === undefined ? {} : { agent };
  const ends: TaskEvent[] = [];
  for await (const event of replay(link, {
    from,
    kind: terminalStates,
    ...ofAgent,
  }))
    ends.push(event);
  return ends;
}

async function pendingSummary(
  link: Link,
  stored: StoredMessage,
): Promise<TaskSummary> {
  const { headers, at } = stored;
  const { taskId, agent, skill, lane, level } = addressOf(
    taskSubjectOf(stored),
  );
  const events = await eventsOf(link, taskId, agent);
  const end = events.find(isEnd);
  if (end) return endedSummary(end); // it has ended since
  const request = requestIn(headers, stored.body);
  const dueAt = Date.parse(headers.schedule?.replace(/^@at /, "") ?? "");
  const failed = events.filter(({ kind }) => kind === "attempt");
  const parking = parkingOf(stored);
  const delivered =
    headers.parked !== undefined ||
    (events.length === 0 && (await new Handouts(link).has(stored)) === true);
  const error = failed.at(-1)?.error;
  return {
    taskId,
    agent,
    skill: skill || request.skill,
    state: parking?.state ?? stateAfter(events, delivered),
    at,
    lane,
    ...(headers.key === undefined ? { level } : { key: headers.key }),
    ...(headers.context === undefined ? {} : { context: headers.context }),
    ...routeOf(headers),
    ...(Number.isNaN(dueAt) ? {} : { dueAt: new Date(dueAt) }),
    ...(parking ? { waitsFor: parking.waitsFor } : {}),
    ...(headers.deadline === undefined
      ? {}
      : { deadline: new Date(Number(headers.deadline)) }),
    attempts: failed.length,
    input: request.input,
    ...(error === undefined ? {} : { error }),
  };
}

function endedSummary(end: TaskEvent): TaskSummary {
  const { taskId, agent, skill = "", context, input, output } = end;
  return {
    taskId,
    agent,
    skill,
    state: stateAfter([end]),
    at: end.at ?? new Date(0),
    attempts: end.attempt ?? 1,
    ...(context === undefined ? {} : { context }),
    ...(end.route === undefined ? {} : { route: end.route }),
    input,
    ...(output === undefined ? {} : { output }),
    ...(end.error === undefined ? {} : { error: end.error }),
  };
}

const isEnd = ({ kind }: TaskEvent): boolean => isTerminal(kind);

async function takeFrom<Item>(
  items: AsyncIterable<Item>,
  limit: number,
): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length >= limit) break;
  }
  return taken;
}

function checkLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= longestLimit)
    return limit;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `limit ${limit} is none: use a whole number from 1 to ${longestLimit}`,
  );
}
