// Reading what the log says of one task, without a consumer: by direct gets.
import type { StoredMsg, StreamState } from "@nats-io/jetstream";
import { isErrorCode, messageOf, TroupeError } from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";
import type { TaskEvent } from "../../protocol/task.js";
import { parseTaskEvent } from "../../protocol/task-events.js";
import { reading } from "../connection/reading.js";
import type { Link } from "../connection/connection.js";
import { headersFromNats } from "../delivery/delivery.js";
import { codeOf } from "../streams/streams.js";
import { isNotFound, readBatch } from "./batch.js";

const pageSize = 256;

export interface StoredMessage {
  stream: string;
  subject: string;
  sequence: number;
  at: Date;
  headers: Headers;
  body: Uint8Array;
}

function toStoredMessage(stream: string, stored: StoredMsg): StoredMessage {
  const { subject, seq: sequence, time: at, data: body } = stored;
  return {
    stream,
    subject,
    sequence,
    at,
    headers: stored.header ? headersFromNats(stored.header) : {},
    body,
  };
}

/** The newest message whose subject fits, if there is one. */
export async function lastMessage(
  link: Link,
  stream: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  try {
    const stored = await reading(link, () =>
      link.jsm.direct.getMessage(stream, { last_by_subj: subject }),
    );
    return stored ? toStoredMessage(stream, stored) : undefined;
  } catch (cause) {
    if (codeOf(cause) === 404 || codeOf(cause) === 10037) return undefined; // no message found
    throw new TroupeError(
      "BUS_FAILED",
      `could not read the newest message on "${subject}" of stream "${stream}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The message at a place; undefined when nothing is there any more. */
export async function messageAt(
  link: Link,
  stream: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  try {
    const stored = await reading(link, () =>
      link.jsm.direct.getMessage(stream, { seq: sequence }),
    );
    return stored ? toStoredMessage(stream, stored) : undefined;
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw new TroupeError(
      "BUS_FAILED",
      `could not read message ${sequence} of stream "${stream}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** All messages whose subject fits, oldest first, read a page at a time: a reader may take its time over each. */
export async function* messagesOn(
  link: Link,
  stream: string,
  subject: string,
  first = 1,
): AsyncGenerator<StoredMessage> {
  for (let from = first; ;) {
    const query = { seq: from, next_by_subj: subject, batch: pageSize };
    const { messages, hasMore } = await readBatch(link, stream, query, subject);
    for (const message of messages) yield toStoredMessage(stream, message);
    if (!hasMore) return; // a short page may be one of large messages
    from = messages.at(-1)!.seq + 1;
  }
}

/** The same before a place, newest first. Reads ever larger pieces where little is found. */
export async function* messagesBefore(
  link: Link,
  stream: string,
  subject: string,
  before = Number.POSITIVE_INFINITY,
): AsyncGenerator<StoredMessage> {
  const { state } = await link.jsm.streams.info(stream);
  let width = pageSize;
  let last = Math.min(before - 1, state.last_seq);
  while (last >= state.first_seq) {
    const first = Math.max(state.first_seq, last + 1 - width);
    const found: StoredMessage[] = [];
    for await (const stored of messagesOn(link, stream, subject, first)) {
      if (stored.sequence > last) break;
      found.push(stored);
    }
    yield* found.toReversed();
    if (found.length < pageSize / 4) width *= 4;
    else if (found.length > pageSize) width = pageSize;
    last = first - 1;
  }
}

/**
 * All messages whose subject fits, oldest first, where few of a large stream do. Given a filter with wildcards the
 * server walks through the stream; which subjects fit, and what is on one of them, it knows.
 */
export async function fewMessagesOn(
  link: Link,
  stream: string,
  filter: string,
): Promise<StoredMessage[]> {
  const query = { multi_last: [filter], batch: pageSize };
  const { messages, hasMore } = await readBatch(link, stream, query, filter);
  const subjects = hasMore ? [filter] : messages.map(({ subject }) => subject);
  const read = subjects.map(async (subject) => {
    const found: StoredMessage[] = [];
    for await (const stored of messagesOn(link, stream, subject))
      found.push(stored);
    return found;
  });
  const found = (await Promise.all(read)).flat();
  return found.toSorted((a, b) => a.sequence - b.sequence);
}

/** The same where no subject has more than one. */
export async function newestOnEach(
  link: Link,
  stream: string,
  filter: string,
): Promise<StoredMessage[]> {
  const query = { multi_last: [filter], batch: pageSize };
  const { messages, hasMore } = await readBatch(link, stream, query, filter);
  if (hasMore) return fewMessagesOn(link, stream, filter);
  const found = messages.map((message) => toStoredMessage(stream, message));
  return found.toSorted((a, b) => a.sequence - b.sequence);
}

/** The terminal event of a task, if it has ended. */
export function endOf(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<StoredMessage | undefined> {
  const where = {
    taskId,
    kind: "end",
    ...(agent === undefined ? {} : { agent }),
  };
  return lastMessage(
    link,
    link.subjects.streams.events,
    link.subjects.taskEventsWhere(where),
  );
}

/** Every stored event of a task, oldest first. */
export async function eventsOf(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<TaskEvent[]> {
  const where = { taskId, ...(agent === undefined ? {} : { agent }) };
  const { streams, taskEventsWhere } = link.subjects;
  const events: TaskEvent[] = [];
  const filter = taskEventsWhere(where);
  for (const stored of await fewMessagesOn(link, streams.events, filter)) {
    const event = readableEvent(link, stored);
    if (event) events.push(event);
  }
  return events;
}

/** Anyone with the permission may write to the history; what is no event must not stop who reads it (R7). */
function readableEvent(
  link: Link,
  stored: StoredMessage,
): TaskEvent | undefined {
  try {
    return toTaskEvent(stored);
  } catch (error) {
    const { subject, sequence } = stored;
    link.log.warn(
      { error: messageOf(error), subject, sequence },
      "an event that cannot be read was passed over",
    );
    return undefined;
  }
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
  const code = isErrorCode(errorCode) ? errorCode : "HANDLER_FAILED";
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
    ...queues.map((name) => lastMessage(link, name, taskById(taskId))),
    ...queues.map((name) => lastMessage(link, name, partitionedById(taskId))),
    lastMessage(link, streams.timers, timer({ agent, taskId })),
    lastMessage(link, streams.timers, due({ agent, taskId })),
  ]);
  // One that is delivered once more to be undone has ended.
  return found.find((message) => message && message.headers.undo === undefined);
}

/** The subject under which a worker gets the task: for one not yet due, where its timer will send it. */
export function taskSubjectOf(stored: StoredMessage): string {
  return stored.headers.target ?? stored.subject;
}
