// Wakes parked tasks that a signal was sent to. Any number of wakers share the work.
import { parseSignalSubject } from "../../protocol/addresses.js";
import { TroupeError } from "../../protocol/errors.js";
import { cancelSignal } from "../../protocol/journal.js";
import type { Link } from "../connection/connection.js";
import { startRelay, type Relay } from "../delivery/relay.js";
import type { Publisher } from "../streams/publisher.js";
import { wake } from "./parking.js";

export function startWaker(link: Link, publisher: Publisher): Promise<Relay> {
  const place = {
    stream: link.subjects.streams.journal,
    name: "waker",
    filter: link.subjects.allSignals,
    ackWaitMs: 10_000,
    slots: 64,
    trouble: "could not wake a task that a signal was sent to",
  };
  return startRelay(link, place, async ({ subject }) => {
    const { name, ...task } = parseSignalSubject(subject);
    await wakeFor(link, publisher, task, name === cancelSignal);
  });
}

/** Whoever parks a task needs no longer than that for it, unless it dies. */
const busyPausesMs = [20, 40, 80, 160, 320];

/** Wakes a task if it is parked. Throws when whoever parks it stays in the midst of that: then try again later. */
export async function wakeFor(
  link: Link,
  publisher: Publisher,
  task: { agent: string; taskId: string },
  isCanceled = false,
): Promise<void> {
  for (const pauseMs of busyPausesMs) {
    if ((await wake(link, publisher, task, isCanceled)) !== "busy") return;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new TroupeError(
    "BUS_FAILED",
    `task "${task.taskId}" of agent "${task.agent}" is just being parked, and cannot be woken yet`,
  );
}
