// What the log and the queues say of one task.
import type { StreamState } from "@nats-io/jetstream";
import { toErrorCode, TroupeError } from "../../protocol/errors.js";
import type { TaskEvent } from "../../protocol/task.js";
import { parseTaskEvent } from "../../protocol/task-events.js";
import { addressOf } from "../../protocol/task-message.js";
import { reading } from "../connection/reading.js";
import type { Link } from "../connection/connection.js";
import { readable } from "./readable.js";
import {
  fewMessagesOn,
  lastMessage,
  lastMessageNow,
  type StoredMessage,
} from "./stored.js";

/** The terminal event of a task, if it has ended. */
export function endOf(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<StoredMessage | undefined> {
  const { streams, taskEventsWhere } = link.subjects;
  const subject = taskEventsWhere({ taskId, agent, kind: "end" });
  return lastMessageNow(link, streams.events, subject);
}

/** The newest event of a task. */
export function lastEventOf(
  link: Link,
  taskId: string,
  agent: string,
): Promise<StoredMessage | undefined> {
  const { streams, taskEventsWhere } = link.subjects;
  return lastMessageNow(
    link,
    streams.events,
    taskEventsWhere({ taskId, agent }),
  );
}

/** Since when all that was written is there: what ended before may have aged out, or had to make room. */
export async function loggedSince(link: Link): Promise<Date> {
  const { jsm, subjects, clock } = link;
  const { state } = await jsm.streams.info(subjects.streams.events);
  const { first_seq: first, first_ts: since, messages } = state;
  if (first <= 1) return new Date(0);
  return new Date(messages === 0 ? clock.now() : since);
}

/** Every stored event of a task, oldest first. */
export async function eventsOf(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<TaskEvent[]> {
  const { streams, taskEventsWhere } = link.subjects;
  const events: TaskEvent[] = [];
  const filter = taskEventsWhere({ taskId, agent });
  for (const stored of await fewMessagesOn(link, streams.events, filter)) {
    const event = readable(link, stored, () => toTaskEvent(stored));
    if (event) events.push(event);
  }
  return events;
}

interface Death {
  sequence: number;
  at: Date;
  attempt: number;
  error: TroupeError;
}

/** What the dead letter of a task says, if there is one. */
export async function deathOf(
  link: Link,
  taskId: string,
  agent: string,
): Promise<Death | undefined> {
  const { streams, deadWhere } = link.subjects;
  const subject = deadWhere({ agent, taskId });
  const letter = await lastMessage(link, streams.dead, subject);
  if (!letter) return undefined;
  const { errorCode, error, attempt } = letter.headers;
  const code = toErrorCode(errorCode);
  const message = error ?? `task "${taskId}" is a dead letter`;
  return {
    sequence: letter.sequence,
    at: letter.at,
    attempt: Number(attempt ?? 1),
    error: new TroupeError(code, message, { retryable: false }),
  };
}

export function toTaskEvent(stored: StoredMessage): TaskEvent {
  return parseTaskEvent(stored.subject, stored.headers, stored.body, {
    sequence: stored.sequence,
    at: stored.at,
  });
}

/** The queues of all agents. */
export function queuesOf(link: Link): Promise<string[]> {
  return reading(link, async () => {
    const queues: string[] = [];
    for await (const name of link.jsm.streams.names(link.subjects.all.tasks))
      queues.push(name);
    return queues;
  });
}

export interface QueueState {
  name: string;
  first: number;
  last: number;
  messages: number;
}

/** The queues of all agents, and the timers, as they are now. */
export async function queueStates(link: Link): Promise<QueueState[]> {
  const states: QueueState[] = [];
  const { all, streams } = link.subjects;
  for await (const { config, state } of link.jsm.streams.list(all.tasks))
    states.push(toQueueState(config.name, state));
  const { state } = await link.jsm.streams.info(streams.timers);
  return [...states, toQueueState(streams.timers, state)];
}

function toQueueState(name: string, state: StreamState): QueueState {
  const { first_seq: first, last_seq: last, messages } = state;
  return { name, first, last, messages };
}

/** A task that sleeps and wakes over and over is in one of them. */
const looksForPending = 4;

/** The message of a task that has not ended: waiting, in hand, or not yet due. */
export async function pendingTask(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<StoredMessage | undefined> {
  for (let left = looksForPending; ; left--) {
    const found = await lookForPending(link, taskId, agent);
    if (found || left === 1 || (await endOf(link, taskId, agent))) return found;
  }
}

/** May miss one that goes from one place to another meanwhile. */
async function lookForPending(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<StoredMessage | undefined> {
  const { streams, queue, taskById, partitionedById, timer, due } =
    link.subjects;
  const all = await queuesOf(link);
  const queues =
    agent === undefined ? all : all.filter((name) => name === queue(agent));
  const found = await Promise.all([
    ...queues.map((name) => lastMessageNow(link, name, taskById(taskId))),
    ...queues.map((name) =>
      lastMessageNow(link, name, partitionedById(taskId)),
    ),
    lastMessageNow(link, streams.timers, timer({ agent, taskId })),
    lastMessageNow(link, streams.timers, due({ agent, taskId })),
  ]);
  // One that is delivered once more to be undone has ended.
  return found.find((message) => message && message.headers.undo === undefined);
}

/** The subject under which a worker gets the task: for one not yet due, where its timer will send it. */
export function taskSubjectOf(stored: StoredMessage): string {
  return stored.headers.target ?? stored.subject;
}

/** Whether it is a task's that any worker could take: anyone may store one whose id fits into no subject (R7). */
export function hasName(stored: StoredMessage): boolean {
  try {
    addressOf(taskSubjectOf(stored));
    return true;
  } catch {
    return false;
  }
}
