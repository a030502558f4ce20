// Tasks with a key: each partition has a consumer that lets one message be in hand at a time, so the server
// itself gives order and mutual exclusion to any number of instances (R4). A partition's consumer is made
// when its first task is seen, so that agents without keys cost nothing.
import { partitionCount, partitionOf } from "../protocol/subjects.js";
import { tokenAt } from "../protocol/tokens.js";
import { messageOf } from "../protocol/errors.js";
import type { Link } from "./connection.js";
import type { PriorityConsumer } from "./consumer.js";
import { consumerName, ensureConsumer } from "./pull.js";

/** Among the levels' weights, what one partition counts. */
const partitionWeight = 2;
const lookAgainMs = 5_000;

export interface KeyedQueues {
  stop(): void;
}

export async function followKeyed(
  link: Link,
  consumer: PriorityConsumer,
  agent: string,
  lane: string,
  ackWaitMs: number,
): Promise<KeyedQueues> {
  const known = new Map<number, Promise<void>>();
  const open = (partition: number): void => {
    if (known.has(partition)) return;
    const opening = openPartition(link, consumer, {
      agent,
      lane,
      partition,
      ackWaitMs,
    });
    known.set(partition, opening);
    opening.catch((error: unknown) => {
      known.delete(partition); // the next look finds it again
      link.log.warn(
        { agent, partition, error: messageOf(error) },
        "a partition of keyed tasks cannot be opened yet",
      );
    });
  };
  // A publish to a stream is also an ordinary message: this tells at once, and the look now and then makes sure.
  const subscription = link.listen(link.subjects.keyedOf(agent, lane), (msg) =>
    open(partitionOf(tokenAt(msg.subject, 4))),
  );
  const look = async (): Promise<void> => {
    if (known.size < partitionCount)
      for (const partition of await partitionsInUse(link, agent, lane))
        open(partition);
  };
  try {
    await look();
  } catch (error) {
    subscription.unsubscribe();
    throw error;
  }
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      link.log.debug(
        { error: messageOf(error) },
        "could not look for keyed tasks",
      ),
    );
  }, lookAgainMs);
  return {
    stop() {
      clearInterval(timer);
      if (!link.closed) subscription.unsubscribe();
    },
  };
}

async function openPartition(
  link: Link,
  consumer: PriorityConsumer,
  {
    agent,
    lane,
    partition,
    ackWaitMs,
  }: { agent: string; lane: string; partition: number; ackWaitMs: number },
): Promise<void> {
  const pull = {
    stream: link.subjects.queue(agent),
    name: consumerName(lane, partition),
    filter: link.subjects.partitionsOf(agent, lane, partition),
    ackWaitMs,
    maxInHand: 1,
  };
  await ensureConsumer(link, pull);
  consumer.add(pull, partitionWeight);
}

async function partitionsInUse(
  link: Link,
  agent: string,
  lane: string,
): Promise<Set<number>> {
  const { state } = await link.jsm.streams.info(link.subjects.queue(agent), {
    subjects_filter: link.subjects.partitionsOf(agent, lane),
  });
  const subjects = Object.keys(state.subjects ?? {});
  return new Set(subjects.map((subject) => Number(tokenAt(subject, 4))));
}
