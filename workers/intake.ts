// Where an instance's deliveries come from: one consumer a level and one a partition of keyed tasks, which
// all share its slots. It is shut until it is opened.
import type { Link } from "../bus/connection/connection.js";
import { PriorityConsumer } from "../bus/delivery/consumer.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import { followPartitions, type Following } from "../bus/lanes/partitions.js";
import { consumerName, ensureConsumer } from "../bus/delivery/pull.js";
import { Turns } from "../bus/lanes/turns.js";
import type { Registry } from "../bus/registry/registry.js";
import type { Settings } from "../bus/buckets/settings.js";
import { levels, levelWeights, type Level } from "../protocol/levels.js";

interface IntakeOptions {
  agent: string;
  lane: string;
  slots: number;
  ackWaitMs: number;
  instance: string;
  /** Of an agent that gains when the tasks of a key come to one instance: where its instances are listed. */
  turnsBy: Registry | undefined;
  /** A slot is free again. */
  onFree(this: void): void;
}

export class Intake {
  readonly #link: Link;
  readonly #options: IntakeOptions;
  readonly #consumer: PriorityConsumer;
  #keyed: Following | undefined;
  #turns: Turns | undefined;

  /** `take` is called for each delivery; each is to be followed by `release`. */
  constructor(
    link: Link,
    options: IntakeOptions,
    take: (delivery: Delivery) => void,
  ) {
    this.#link = link;
    this.#options = options;
    this.#consumer = new PriorityConsumer(link, options.slots, (delivery) => {
      if (!this.#turns?.givesBack(delivery)) return take(delivery);
      delivery.retryIn(0);
      this.#consumer.release();
    });
    this.#consumer.pause();
  }

  /** Makes the consumers of an agent's queue. The settings say which keys its lane has. */
  async prepare(
    makeQueue: () => Promise<void> | undefined,
    settings: Settings,
  ): Promise<void> {
    const queues = levels.map((level) => this.#queue(level)); // throws before anything is under way
    await makeQueue();
    await Promise.all(queues.map((queue) => ensureConsumer(this.#link, queue)));
    for (const level of levels)
      this.#consumer.add(this.#queue(level), levelWeights[level]);
    const { agent, lane, ackWaitMs, turnsBy } = this.#options;
    const turns = turnsBy && new Turns(this.#link, turnsBy, this.#options);
    this.#turns = turns;
    this.#keyed = await followPartitions(this.#link, this.#consumer, settings, {
      agent,
      lane,
      ackWaitMs,
      rank: turns && ((partition) => turns.rank(partition)),
    });
  }

  open(): void {
    this.#consumer.resume();
  }

  /** What was asked of the server is taken back; what is on its way goes back to the others at once. */
  shut(): void {
    this.#consumer.pause();
  }

  release(): void {
    this.#consumer.release();
    this.#options.onFree();
  }

  /** It could not be handled here: another instance is to try it, where there is one. */
  passOn(delivery: Delivery): void {
    this.#turns?.passOn(delivery);
  }

  /** For a task that gave its slot back while it waited. */
  get isFree(): boolean {
    return this.#consumer.hasFreeSlot;
  }

  take(): void {
    this.#consumer.takeSlot();
  }

  async stop(): Promise<void> {
    this.#keyed?.stop(); // first, for it adds to the consumer
    this.#turns?.stop();
    await this.#consumer.stop();
  }

  #queue(level: Level) {
    const { subjects } = this.#link;
    const { agent, lane, ackWaitMs } = this.#options;
    return {
      stream: subjects.queue(agent),
      name: consumerName(lane, level),
      filter: subjects.tasksOf(level, agent, lane),
      ackWaitMs,
      maxInHand: -1,
    };
  }
}
