// Signals that a task has used up and left behind with its journal, when it began anew: they are removed, so that a
// loop without an end does not pile them up.
//
// 1. That there was one is stored before it is removed. Sent once more with its id it is refused while that stands: as
//    long as anybody may still send it again.
// 2. What goes is what the journal says is used up. Who dies before it is gone leaves it to the next time.
import { messageOf } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import type { Publisher } from "../streams/publisher.js";
import { removeMessage } from "../streams/removal.js";
import type { Signal } from "./signals.js";

const rememberedForHours = 7 * 24;

const headers = encodeHeaders({ ttl: `${rememberedForHours}h` });
const nothing = new Uint8Array(0);

/** Who may not remove them keeps them; that is tried once. */
const refused = new WeakSet<Link>();

/** Those of each name up to this place are used up. Never throws: it is for room alone. */
export async function removeUsed(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  signals: readonly Signal[],
  taken: ReadonlyMap<string, number>,
): Promise<void> {
  const used = signals.filter(
    ({ name, sequence }) => sequence <= (taken.get(name) ?? 0),
  );
  try {
    for (const signal of used) {
      if (refused.has(link) || link.closed) return;
      await remove(link, publisher, task, signal);
    }
  } catch (error) {
    link.log.debug(
      { task: task.taskId, error: messageOf(error) },
      "signals that are used up were not removed",
    );
  }
}

/**
 * Those that were sent to an earlier task with the id of one that was stored then: it is not to take them, nor to be
 * canceled because that was.
 */
export async function removeEarlier(
  link: Link,
  signals: readonly Signal[],
  storedAt: number,
): Promise<void> {
  for (const { at, sequence } of signals)
    if (at.getTime() < Math.floor(storedAt)) await removeAt(link, sequence);
}

async function remove(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  { name, id, sequence }: Signal,
): Promise<void> {
  const { usedSignal } = link.subjects;
  await publisher.store(usedSignal(task, name, id), headers, nothing);
  await removeAt(link, sequence);
}

async function removeAt(link: Link, sequence: number): Promise<void> {
  const { journal: stream } = link.subjects.streams;
  try {
    await removeMessage(link, { stream, sequence });
  } catch (error) {
    if (!isDenied(error)) throw error;
    refused.add(link);
  }
}
