// Tasks with a key: each partition has a consumer that lets one message be in hand at a time, so the server
// itself gives order and mutual exclusion to any number of instances (R4). A partition's consumer is made
// when its first task is seen, so that agents without keys cost nothing.
//
// Where the lanes of an agent are split, partitions change hands: instances pull from those that their lane has
// at the moment. Since all pull from the same consumer, the server keeps R4 also while they change.
import { partitionCount, partitionOf } from "../../protocol/subjects.js";
import { tokenAt } from "../../protocol/tokens.js";
import { messageOf } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";
import type { PriorityConsumer, Release } from "./consumer.js";
import { consumerName, ensureConsumer, type PullConsumer } from "./pull.js";

/** Among the levels' weights, what one partition counts. */
const partitionWeight = 2;
const lookAgainMs = 5_000;

interface KeyedPlace {
  agent: string;
  lane: string;
  ackWaitMs: number;
  /** Whether this instance is to pull from a partition, at the moment. */
  owns(this: void, partition: number): boolean;
  /** Among all instances that pull from a partition, whose turn it is. Without it, the server asks them in turn. */
  rank?: ((this: void, partition: number) => number) | undefined;
}

export class KeyedQueues {
  readonly #link: Link;
  readonly #consumer: PriorityConsumer;
  readonly #place: KeyedPlace;
  /** Partitions that have seen a task, whoever pulls from them. */
  readonly #inUse = new Set<number>();
  readonly #open = new Map<number, Promise<Release>>();
  readonly #hearNoMore: () => void;
  readonly #timer: NodeJS.Timeout;

  /** Resolves when it pulls from what is there. */
  static async follow(
    link: Link,
    consumer: PriorityConsumer,
    place: KeyedPlace,
  ): Promise<KeyedQueues> {
    const queues = new KeyedQueues(link, consumer, place);
    try {
      await queues.#look();
      return queues;
    } catch (error) {
      queues.stop();
      throw error;
    }
  }

  private constructor(
    link: Link,
    consumer: PriorityConsumer,
    place: KeyedPlace,
  ) {
    this.#link = link;
    this.#consumer = consumer;
    this.#place = place;
    // A publish to a stream is also an ordinary message: this tells at once, and the look now and then makes sure.
    this.#hearNoMore = link.hear(
      link.subjects.keyedOf(place.agent, place.lane),
      (msg) => this.#seen(partitionOf(tokenAt(msg.subject, 4))),
    );
    this.#timer = setInterval(() => {
      this.#look().catch((error: unknown) =>
        link.log.debug(
          { error: messageOf(error) },
          "could not look for keyed tasks",
        ),
      );
    }, lookAgainMs);
  }

  /** Partitions have changed hands. */
  review(): void {
    for (const partition of this.#inUse) this.#follow(partition);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#hearNoMore();
  }

  async #look(): Promise<void> {
    if (this.#inUse.size === partitionCount) return;
    const { agent, lane } = this.#place;
    for (const partition of await partitionsInUse(this.#link, agent, lane))
      this.#seen(partition);
  }

  #seen(partition: number): void {
    if (this.#inUse.has(partition)) return;
    this.#inUse.add(partition);
    this.#follow(partition);
  }

  #follow(partition: number): void {
    const opening = this.#open.get(partition);
    if (this.#place.owns(partition) === (opening !== undefined)) return;
    if (opening) this.#close(partition, opening);
    else this.#opened(partition);
  }

  #opened(partition: number): void {
    const opening = this.#pull(partition);
    this.#open.set(partition, opening);
    opening.catch((error: unknown) => {
      if (this.#open.get(partition) === opening) this.#open.delete(partition);
      this.#inUse.delete(partition); // the next look finds it again
      this.#link.log.warn(
        { agent: this.#place.agent, partition, error: messageOf(error) },
        "a partition of keyed tasks cannot be opened yet",
      );
    });
  }

  async #pull(partition: number): Promise<Release> {
    const pull = this.#consumerOf(partition);
    await ensureConsumer(this.#link, pull);
    return this.#consumer.add(pull, partitionWeight);
  }

  /** What is in hand is finished; the next message goes to whoever pulls then. */
  #close(partition: number, opening: Promise<Release>): void {
    this.#open.delete(partition);
    opening
      .then((release) => release())
      .catch((error: unknown) =>
        this.#link.log.debug(
          { partition, error: messageOf(error) },
          "a partition that another lane has now could not be let go of",
        ),
      );
  }

  #consumerOf(partition: number): PullConsumer {
    const { agent, lane, ackWaitMs, rank } = this.#place;
    return {
      stream: this.#link.subjects.queue(agent),
      name: consumerName(lane, partition),
      filter: this.#link.subjects.partitionsOf(agent, lane, partition),
      ackWaitMs,
      maxInHand: 1,
      ...(rank ? { rank: () => rank(partition) } : {}),
    };
  }
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
