// Parking: a task that waits for long leaves its queue, and its own message stands on TIMERS until then. So it costs
// no memory in any worker and holds no slot, and its timer brings it back at the latest.
//
// 1. Its message is acknowledged only after the timer is stored (R1, R3).
// 2. Nothing that happens meanwhile is missed: who parks looks for it once more after the timer is stored, and who
//    causes it looks for the timer after that. Neither asks a replica that may lag behind.
// 3. Each parking has an id. Whoever brings the task back, timer or waker, sends it with that id, and the queue takes
//    it once.
// 4. Who was held up for so long that another took the task parks nothing: it would take the other's timer away.
import { isConflict } from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import {
  lastMessage,
  lastMessageNow,
  type StoredMessage,
} from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";
import { tryToRemove } from "../streams/removal.js";
import { latestDue, schedule, sendDue } from "../tasks/timers.js";

/** More than that would take the room of the task itself. */
const longestWaitsFor = 500;

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

/**
 * Stores the timer. Throws CONFLICT when another has stored one since `isMine` was asked, or what that throws where
 * the task is another's by now.
 */
export async function park(
  link: Link,
  publisher: Publisher,
  { agent, taskId, until, waitsFor, asks, subject, headers, body }: Parked,
  isMine: () => Promise<void>,
): Promise<void> {
  const parked = newToken();
  const before = await timerOf(link, { agent, taskId });
  await isMine();
  try {
    await schedule(link, publisher, {
      taskId,
      agent,
      dueAt: Math.min(until, latestDue),
      target: subject,
      headers: {
        ...headers,
        parked,
        waitsFor: cut(waitsFor),
        parkedAs: asks ? "input-required" : undefined,
        expectedLastSubjectSequence: String(before?.sequence ?? 0),
      },
      body,
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
    // It may be our own, whose acknowledgement got lost.
    const stands = await timerOf(link, { agent, taskId });
    if (stands?.headers.parked !== parked) throw error;
  }
}

export function timerOf(
  link: Link,
  task: TaskName,
): Promise<StoredMessage | undefined> {
  const { streams, timer } = link.subjects;
  return lastMessageNow(link, streams.timers, timer(task));
}

/** Whether its message stands on TIMERS, to come back to its queue: it sleeps, or is to be tried again. */
export async function isAway(link: Link, task: TaskName): Promise<boolean> {
  const { streams, due } = link.subjects;
  const places = await Promise.all([
    timerOf(link, task),
    lastMessage(link, streams.timers, due(task)),
  ]);
  return places.some(
    (stored) =>
      stored?.headers.parked !== undefined ||
      stored?.headers.attempt !== undefined,
  );
}

/** A header is no place for the names of thousands of children. */
function cut(waitsFor: string): string {
  return waitsFor.length <= longestWaitsFor
    ? waitsFor
    : `${waitsFor.slice(0, longestWaitsFor)}…`;
}

interface Parking {
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
type Waking = "woken" | "running" | "busy";

/** Sends a parked task back to its queue; one that is canceled, too, where it waits for another attempt. */
export async function wake(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  isCanceled = false,
): Promise<Waking> {
  const stored = await timerOf(link, task);
  const { parked, attempt, target } = stored?.headers ?? {};
  const isAsleep =
    parked !== undefined || (isCanceled && attempt !== undefined);
  if (!stored || !isAsleep || target === undefined) return "running";
  if (!(await sendDue(link, publisher, stored))) return "busy";
  // Else it fires, and finds the task at work or ended.
  await tryToRemove(link, stored);
  return "woken";
}
