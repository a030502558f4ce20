// How much waits in a lane of an agent, and for how long: asked of the consumers of its queue, which know what
// they have handed out. Nothing is taken.
import type { ConsumerInfo } from "@nats-io/jetstream";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { codeOf } from "../streams/streams.js";

export interface Backlog {
  /** Tasks that nobody has in hand. */
  waiting: number;
  /** Tasks in hand, here or elsewhere, and those that wait for their retry. */
  inHand: number;
  /** For how long the one that came first among those that wait has waited; 0 when none waits. */
  oldestMs: number;
}

export const noBacklog: Backlog = { waiting: 0, inHand: 0, oldestMs: 0 };

/** Of the consumers whose name `isOne` accepts. Undefined where the agent has no queue: it was never served. */
export async function backlogOf(
  link: Link,
  agent: string,
  isOne: (consumer: string) => boolean,
): Promise<Backlog | undefined> {
  const stream = link.subjects.queue(agent);
  const consumers = await consumersOf(link, stream);
  if (!consumers) return undefined;
  const ours = consumers.filter(({ name }) => isOne(name));
  const waiting = sum(ours, "num_pending");
  const stored = await Promise.all(
    ours
      .filter((consumer) => consumer.num_pending > 0)
      .map((consumer) => firstWaiting(link, stream, consumer)),
  );
  const now = link.clock.now();
  const ages = stored.map((at) => (at ? now - at.getTime() : 0));
  return {
    waiting,
    inHand: sum(ours, "num_ack_pending"),
    oldestMs: Math.max(0, ...ages),
  };
}

function sum(
  consumers: readonly ConsumerInfo[],
  field: "num_pending" | "num_ack_pending",
): number {
  return consumers.reduce((total, consumer) => total + consumer[field], 0);
}

async function consumersOf(
  link: Link,
  stream: string,
): Promise<ConsumerInfo[] | undefined> {
  const found: ConsumerInfo[] = [];
  try {
    for await (const consumer of link.jsm.consumers.list(stream))
      found.push(consumer);
    return found;
  } catch (cause) {
    if (codeOf(cause) === 10059) return undefined;
    throw requestFailed(
      link,
      `could not ask the consumers of stream "${stream}" what waits`,
      cause,
    );
  }
}

/** The next message after the newest that the consumer has handed out. */
async function firstWaiting(
  link: Link,
  stream: string,
  { delivered, config }: ConsumerInfo,
): Promise<Date | undefined> {
  try {
    const stored = await link.jsm.direct.getMessage(stream, {
      seq: delivered.stream_seq + 1,
      next_by_subj: config.filter_subject ?? ">",
    });
    return stored?.time;
  } catch {
    return undefined; // taken meanwhile
  }
}
