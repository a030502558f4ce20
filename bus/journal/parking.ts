// Parking: a task that waits for long leaves its queue, and its own message stands on TIMERS until then. So it costs
// no memory in any worker and holds no slot, and its timer brings it back at the latest.
//
// 1. Its message is acknowledged only after the timer is stored (R1, R3).
// 2. Nothing that happens meanwhile is missed: who parks looks for it once more after the timer is stored, and who
//    causes it looks for the timer after that.
// 3. Each parking has an id. Whoever brings the task back, timer or waker, sends it with that id, and the queue takes
//    it once.
import { messageOf } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { lastMessage, type StoredMessage } from "../history/history.js";
import type { Publisher } from "../streams/publisher.js";
import { dueMessage, latestDue, schedule } from "../tasks/timers.js";

export interface Parked extends TaskName {
  /** At the latest, on the server's clock. */
  until: number;
  waitsFor: string;
  /** It waits for what only somebody else can give. */
  asks: boolean;
  /** Where it is delivered from. */
  subject: string;
  headers: Headers;
  body: Uint8Array;
}

/** The place of the timer. */
export async function park(
  link: Link,
  publisher: Publisher,
  { agent, taskId, until, waitsFor, asks, subject, headers, body }: Parked,
): Promise<number> {
  const { sequence } = await schedule(link, publisher, {
    taskId,
    agent,
    dueAt: Math.min(until, latestDue),
    target: subject,
    headers: {
      ...headers,
      parked: newToken(),
      waitsFor,
      parkedAs: asks ? "input-required" : undefined,
    },
    body,
  });
  return sequence;
}

export interface Parking {
  /** As A2A has it: `input-required` while it waits for a signal, too. */
  state: "working" | "input-required";
  waitsFor: string;
}

/** What a task waits for whose message stands here; undefined where it is not parked, or no longer. */
export function parkingOf({ headers }: StoredMessage): Parking | undefined {
  const { parked, schedule, waitsFor = "", parkedAs } = headers;
  if (parked === undefined || schedule === undefined) return undefined;
  const asks = parkedAs === "input-required";
  return { state: asks ? "input-required" : "working", waitsFor };
}

/** `running`: it is not parked. `busy`: whoever parks it is not done with that yet. */
export type Waking = "woken" | "running" | "busy";

/** Sends a parked task back to its queue. */
export async function wake(
  link: Link,
  publisher: Publisher,
  task: TaskName,
): Promise<Waking> {
  const { streams, timer } = link.subjects;
  const stored = await lastMessage(link, streams.timers, timer(task));
  if (!stored?.headers.parked || stored.headers.target === undefined)
    return "running";
  const { target, headers } = dueMessage(stored.headers);
  const { duplicate } = await publisher.store(
    target,
    encodeHeaders(headers),
    stored.body,
  );
  if (
    duplicate &&
    (await hasEarlier(link, task.agent, target, headers.parked!))
  )
    return "busy";
  await unpark(link, stored.sequence);
  return "woken";
}

/** The queue refused it: because it has the message of an earlier time, or because it has this one already. */
async function hasEarlier(
  link: Link,
  agent: string,
  target: string,
  parked: string,
): Promise<boolean> {
  const there = await lastMessage(link, link.subjects.queue(agent), target);
  return there !== undefined && there.headers.parked !== parked;
}

/** The timer is no longer needed. */
export async function unpark(link: Link, sequence: number): Promise<void> {
  const { timers } = link.subjects.streams;
  try {
    await link.jsm.streams.deleteMessage(timers, sequence, false);
  } catch (error) {
    // It fires, then, and finds the task at work or ended.
    link.log.debug(
      { sequence, error: messageOf(error) },
      "the timer of a task that sleeps no more was not removed",
    );
  }
}
