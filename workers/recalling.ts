// What the log says of a task whose delivery may not be its first.
import type { Link } from "../bus/connection/connection.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import { recollect, type Recollection } from "../bus/delivery/recall.js";
import {
  ownPart,
  readJournal,
  type JournalContents,
} from "../bus/journal/journal.js";
import { isAway } from "../bus/journal/parking.js";
import { removeEarlier } from "../bus/journal/used-signals.js";
import { deathOf, eventsOf } from "../bus/history/history.js";
import type { TroupeError } from "../protocol/errors.js";

interface Recalled {
  past: Recollection;
  /** Why it was buried, by a worker that died before it could store the end. */
  death: TroupeError | undefined;
  /** What its handler has done so far. */
  journal: JournalContents;
}

export async function recall(
  link: Link,
  delivery: Delivery,
  agent: string,
  taskId: string,
): Promise<Recalled> {
  const { count, headers, mayBeForgotten, storedAt } = delivery;
  const redelivered = count > 1 || headers.attempt !== undefined;
  const [events, contents, death] = await Promise.all([
    eventsOf(link, taskId, agent),
    readJournal(link, { agent, taskId }),
    redelivered || mayBeForgotten ? deathOf(link, taskId, agent) : undefined,
  ]);
  const own = ownPart(contents, delivery);
  // A task that sleeps and was submitted again is no new one.
  const isSame = own.isStale && (await isAway(link, { agent, taskId }));
  const journal = isSame ? contents : own;
  if (own.isStale && !isSame)
    await removeEarlier(link, contents.signals, storedAt);
  const { writtenAt, continuedAt } = journal;
  const past = recollect(events, redelivered, writtenAt, continuedAt);
  // An older letter is that of an earlier task with this id, whose end has aged out.
  if (death === undefined || death.at.getTime() < Math.floor(storedAt))
    return { past, death: undefined, journal };
  return {
    past: { ...past, attempt: death.attempt },
    death: death.error,
    journal,
  };
}
