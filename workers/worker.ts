// One instance of an agent: it pulls tasks by priority, runs them, answers asks, shows that it lives, and
// stops in three steps: take nothing new, finish what is in hand, say goodbye.
import { PriorityConsumer } from "../bus/consumer.js";
import type { Link } from "../bus/connection.js";
import { parseCancel } from "../bus/cancel.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import { startAnswering } from "../bus/answers.js";
import { followKeyed, type KeyedQueues } from "../bus/keyed.js";
import type { Queues } from "../bus/queues.js";
import type { Publisher } from "../bus/publisher.js";
import { consumerName, ensureConsumer } from "../bus/pull.js";
import { Recorder } from "../bus/recorder.js";
import type { Registry } from "../bus/registry.js";
import type { Settings } from "../bus/settings.js";
import type { InstanceCard, Labels } from "../protocol/card.js";
import { toMs, type Duration } from "../protocol/duration.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { newToken } from "../protocol/ids.js";
import { levels, levelWeights } from "../protocol/levels.js";
import { defaultLane } from "../protocol/subjects.js";
import { toCard, type Agent } from "./agent.js";
import type { AnySkill } from "./skill.js";
import { answer } from "./answer.js";
import type { ExecutionHost, Result } from "./assignment.js";
import { Canceled } from "./canceled.js";
import { ContextExecution } from "./context-execution.js";
import { contextSkills } from "./context-messages.js";
import { Contexts } from "./contexts.js";
import { Execution } from "./execution.js";
import { Presence } from "./presence.js";
import { toRunner } from "./skill-runner.js";
import { drainOnSignals } from "./signals.js";
import { Watch } from "./watch.js";

export interface ServeOptions {
  /** How many tasks at a time. Default 16. */
  concurrency?: number;
  /** Which tasks: those submitted to this lane. Default main. */
  lane?: string;
  /** Facts by which callers choose: `{ region: "eu" }`. Added to those of the agent. */
  labels?: Labels;
  /** Its share where callers spread work by weight. Default 1. */
  weight?: number;
  /** A task whose worker is silent for so long goes to another instance. Default 10s. */
  ackWait?: Duration;
  /** How long draining waits for tasks in hand before it calls them off. Default 30s. */
  drain?: Duration;
  /** Drain and exit on these signals. Default SIGTERM and SIGINT; false for none. */
  signals?: readonly NodeJS.Signals[] | false;
}

export interface WorkerHost {
  link: Link;
  publisher: Publisher;
  registry: Registry;
  queues: Queues;
  settings: Settings;
}

export class Worker implements AsyncDisposable {
  readonly agent: string;
  readonly instance = newToken();
  readonly concurrency: number;
  readonly lane: string;
  readonly #definition: Agent;
  readonly #host: ExecutionHost;
  readonly #presence: Presence;
  readonly #queues: Queues;
  readonly #consumer: PriorityConsumer;
  readonly #watch: Watch;
  readonly #ackWaitMs: number;
  readonly #drainMs: number;
  readonly #signals: ServeOptions["signals"];
  readonly #startedAt = new Date().toISOString();
  readonly #running = new Map<string, Execution>();
  readonly #counts: Record<Result, number> = {
    completed: 0,
    failed: 0,
    retried: 0,
    late: 0,
    returned: 0,
  };
  readonly #stops: (() => Promise<void> | void)[] = [];
  readonly #contexts: Contexts | undefined;
  #state: InstanceCard["state"] = "ready";
  #idle: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #keyed: KeyedQueues | undefined;

  constructor(definition: Agent, host: WorkerHost, options: ServeOptions = {}) {
    this.agent = definition.name;
    this.lane = options.lane ?? defaultLane;
    this.concurrency = checkConcurrency(options.concurrency ?? 16);
    this.#definition = definition;
    this.#presence = new Presence({
      link: host.link,
      publisher: host.publisher,
      registry: host.registry,
      agentCard: toCard(definition, this.lane),
      labels: { ...definition.labels, ...options.labels },
      weight: options.weight ?? 1,
      card: () => this.card(),
    });
    this.#queues = host.queues;
    this.#ackWaitMs = Math.max(
      1_000,
      toMs(options.ackWait ?? "10s", "ackWait"),
    );
    this.#drainMs = toMs(options.drain ?? "30s", "drain");
    this.#signals = options.signals;
    this.#watch = new Watch(this.#ackWaitMs);
    this.#host = {
      link: host.link,
      publisher: host.publisher,
      recorder: new Recorder(host.link, host.publisher),
      watch: this.#watch,
      canceled: new Canceled(),
      runners: new Map(
        Object.entries(allSkills(definition)).map(([name, skill]) => [
          name,
          toRunner(definition.name, name, skill),
        ]),
      ),
      agent: this.agent,
      instance: this.instance,
    };
    const { agent, lane, instance } = this;
    const { recorder } = this.#host;
    if (definition.actor)
      this.#contexts = new Contexts(definition.actor, {
        ...host,
        recorder,
        agent,
        lane,
        instance,
      });
    this.#consumer = new PriorityConsumer(
      host.link,
      this.concurrency,
      (delivery) => this.#take(delivery),
    );
  }

  /** Resolves when it takes tasks. */
  async start(): Promise<void> {
    const { link } = this.#host;
    const queues = levels.map((level) => this.#queue(level)); // throws before anything is under way
    await this.#queues.ensure(this.agent);
    await this.#contexts?.start();
    await Promise.all([
      this.#presence.announce(),
      ...queues.map((queue) => ensureConsumer(link, queue)),
    ]);
    for (const level of levels)
      this.#consumer.add(this.#queue(level), levelWeights[level]);
    this.#keyed = await followKeyed(
      link,
      this.#consumer,
      this.agent,
      this.lane,
      this.#ackWaitMs,
    );
    this.#stops.push(this.#listenForCancels());
    const answering = startAnswering(link, this.agent, (request) =>
      answer(this.#host, request),
    );
    this.#stops.push(
      () => answering.stop(),
      () => this.#presence.stop(),
    );
    if (this.#signals !== false)
      this.#stops.push(drainOnSignals(this, this.#signals));
    await Promise.all([this.#presence.start(), link.flush()]);
  }

  /** How it is, as its heartbeat says. */
  card(): InstanceCard {
    const { completed, failed } = this.#counts;
    return {
      ...this.#presence.facts(),
      agent: this.agent,
      instance: this.instance,
      version: this.#definition.version,
      lane: this.lane,
      state: this.#state,
      concurrency: this.concurrency,
      running: this.#running.size,
      done: completed,
      failed,
      startedAt: this.#startedAt,
      pid: process.pid,
    };
  }

  /** How its deliveries ended so far. */
  get counts(): Readonly<Record<Result, number>> {
    return this.#counts;
  }

  /** Takes nothing new, finishes what is in hand, acknowledges it, and stops. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  #queue(level: (typeof levels)[number]) {
    const { subjects } = this.#host.link;
    return {
      stream: subjects.queue(this.agent),
      name: consumerName(this.lane, level),
      filter: subjects.tasksOf(level, this.agent, this.lane),
      ackWaitMs: this.#ackWaitMs,
      maxInHand: -1,
    };
  }

  #take(delivery: Delivery): void {
    let execution: Execution;
    try {
      execution = this.#contexts
        ? new ContextExecution(this.#host, delivery, this.#contexts)
        : new Execution(this.#host, delivery);
    } catch (error) {
      // Only a subject that no task can have: it cannot even be named, so it cannot be ended.
      this.#host.link.log.error(
        { subject: delivery.subject, error: messageOf(error) },
        "a message that is no task was removed",
      );
      delivery.acknowledge();
      return this.#consumer.release();
    }
    const same = this.#running.get(execution.id);
    if (same) {
      same.redelivered(delivery);
      return this.#consumer.release();
    }
    this.#running.set(execution.id, execution);
    void this.#run(execution);
  }

  async #run(execution: Execution): Promise<void> {
    const startedAt = performance.now();
    const result = await execution.run();
    this.#presence.took(performance.now() - startedAt);
    this.#counts[result]++;
    this.#running.delete(execution.id);
    this.#consumer.release();
    if (this.#running.size === 0) this.#idle?.();
  }

  #listenForCancels(): () => void {
    const { link } = this.#host;
    const subscription = link.listen(
      link.subjects.control(this.agent, "cancel"),
      (msg) => {
        const notice = parseCancel(msg.data);
        if (!notice) return;
        this.#host.canceled.add(notice.taskId);
        const error = new TroupeError("TASK_CANCELED", notice.reason);
        this.#running.get(notice.taskId)?.cancel(error);
      },
    );
    return () => {
      if (!link.closed) subscription.unsubscribe();
    };
  }

  async #drain(): Promise<void> {
    this.#state = "draining";
    this.#presence.beat();
    const { link } = this.#host;
    this.#keyed?.stop(); // first, for it adds to the consumer
    await this.#consumer.stop();
    await this.#finishInHand();
    await this.#contexts?.stop();
    for (const stop of this.#stops) await this.#tolerate(stop);
    await link.flush();
  }

  async #finishInHand(): Promise<void> {
    if (this.#running.size === 0) return;
    const finished = new Promise<void>((resolve) => (this.#idle = resolve));
    const timer = setTimeout(() => {
      this.#watch.stopAll(
        new TroupeError(
          "WORKER_STOPPING",
          `instance "${this.instance}" of "${this.agent}" stops and the task did not finish in time: another instance takes it`,
        ),
      );
    }, this.#drainMs);
    await finished;
    clearTimeout(timer);
  }

  /** When the connection is gone, goodbyes cannot be said, and need not be. */
  async #tolerate(stop: () => Promise<void> | void): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.#host.link.log.debug(
        { error: messageOf(error) },
        "a goodbye could not be said",
      );
    }
  }
}

/** With those that the contexts of a stateful agent send to themselves. */
function allSkills({ skills, actor }: Agent): Record<string, AnySkill> {
  return actor ? { ...contextSkills, ...skills } : skills;
}

function checkConcurrency(concurrency: number): number {
  if (
    Number.isInteger(concurrency) &&
    concurrency >= 1 &&
    concurrency <= 10_000
  )
    return concurrency;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `concurrency ${concurrency} is none: use a whole number from 1 to 10000`,
  );
}
