// Delays: a task that is not due yet stands on TIMERS as a server-side schedule. When its time has come the
// server stores it under `due`, and a mover in any serving process forwards it to its queue.
//
// 1. A due message is acknowledged only after it is stored on its queue (R3); forwarding it twice is
//    harmless, for it carries a message id. One that falls due before its task has left the queue waits for that: who
//    has the task in hand acknowledges it because the timer stands (R1).
// 2. Schedules only work within their own stream, hence the mover.
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { addressOf } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import type { Delivery } from "../delivery/delivery.js";
import { lastMessage } from "../history/stored.js";
import { startRelay, type Relay } from "../delivery/relay.js";
import type { Stored } from "../streams/acknowledgement.js";
import { checkSize, type Publisher } from "../streams/publisher.js";

/** The server takes a date after this as past, and fires at once. */
export const latestDue = Date.UTC(2262, 0, 1);
const yearMs = 365.25 * 24 * 3_600_000;

interface Delayed {
  /** Names the timer. */
  taskId: string;
  agent: string;
  /** When, on the server's clock. */
  dueAt: number;
  /** Where the message goes then. */
  target: string;
  headers: Headers;
  body: Uint8Array;
}

/** The first timer of a task: a second one, while it stands, is refused and called a duplicate. */
export async function scheduleOnce(
  link: Link,
  publisher: Publisher,
  delayed: Delayed,
): Promise<Stored> {
  const first = { ...delayed.headers, expectedLastSubjectSequence: "0" };
  try {
    return await schedule(link, publisher, { ...delayed, headers: first });
  } catch (error) {
    if (!isConflict(error)) throw error;
    return { stream: "", sequence: 0, duplicate: true };
  }
}

/**
 * Replaces a timer of the same id. A retry must: the timer of an earlier delivery may fire while this one is
 * not yet acknowledged, and be dropped because the queue still has the task.
 */
export function schedule(
  link: Link,
  publisher: Publisher,
  delayed: Delayed,
): Promise<Stored> {
  if (delayed.dueAt > latestDue) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `a delay of some ${Math.round((delayed.dueAt - link.clock.now()) / yearMs)} years is too long: the server keeps dates until 2262`,
    );
  }
  const subject = link.subjects.timer(delayed);
  const headers = encodeHeaders({
    ...delayed.headers,
    messageId: `${delayed.agent}.${delayed.taskId}@${delayed.dueAt}${delayed.headers.parked ?? ""}`,
    target: delayed.target,
    schedule: `@at ${new Date(delayed.dueAt).toISOString()}`,
    scheduleTarget: link.subjects.due(delayed),
  });
  checkSize(link, subject, headers.length + delayed.body.length);
  return publisher.store(subject, headers, delayed.body);
}

/** Forwards what has fallen due. Any number of movers share the work. */
export function startMover(link: Link, publisher: Publisher): Promise<Relay> {
  return startRelay(
    link,
    {
      stream: link.subjects.streams.timers,
      name: "mover",
      filter: link.subjects.allDue,
      ackWaitMs: 10_000,
      slots: 256,
      trouble: "could not forward what has fallen due",
    },
    (delivery) => forward(link, publisher, delivery),
  );
}

async function forward(
  link: Link,
  publisher: Publisher,
  delivery: Delivery,
): Promise<void> {
  const { target } = delivery.headers;
  if (
    target === undefined ||
    !target.startsWith(`${link.subjects.namespace}.`)
  ) {
    link.log.error(
      { subject: delivery.subject, target },
      "a due message names no target of this namespace; it is dropped",
    );
    return;
  }
  const { parked, attempt } = delivery.headers;
  const isThere = await sendDue(link, publisher, delivery);
  // One that was only delayed was submitted again meanwhile.
  if (isThere || (parked === undefined && attempt === undefined)) return;
  throw new TroupeError(
    "BUS_FAILED",
    `the queue still has the task that is to come back on "${target}"`,
  );
}

/**
 * Sends the message of a timer where it is to go. False where its queue refuses it because of one of an earlier time:
 * that may have been acknowledged by now, so that there is nothing to be seen.
 */
export async function sendDue(
  link: Link,
  publisher: Publisher,
  timer: { headers: Headers; body: Uint8Array },
): Promise<boolean> {
  const { target, headers } = dueMessage(timer.headers);
  const block = encodeHeaders(headers);
  const { sequence } = await publisher.store(target, block, timer.body);
  if (sequence > 0) return true; // now, or by an earlier sending whose acknowledgement was lost
  const queue = link.subjects.queue(addressOf(target).agent);
  const there = await lastMessage(link, queue, target);
  return there?.headers.messageId === headers.messageId;
}

/** Where the message of a timer goes, and what it says then. It is known by what it waited for: it is sent once. */
function dueMessage(timer: Headers): {
  target: string;
  headers: Headers;
} {
  const { target = "", attempt, parked, ...headers } = timer;
  const id = target.slice(target.lastIndexOf(".") + 1);
  const messageId =
    parked !== undefined
      ? `${target}#${parked}`
      : attempt === undefined
        ? id
        : `${target}#${attempt}`;
  return {
    target,
    headers: {
      ...headers,
      attempt,
      parked,
      waitsFor: undefined,
      parkedAs: undefined,
      messageId,
      maybeKnown: "1", // it may have been canceled meanwhile by who may not remove it
      schedule: undefined,
      scheduleTarget: undefined,
      rollup: undefined,
      expectedLastSubjectSequence: undefined,
    },
  };
}
