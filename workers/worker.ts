// One instance of an agent: it pulls tasks by priority, runs them, answers asks, shows that it lives, and
// stops in three steps: take nothing new, finish what is in hand, say goodbye. Its state is what its machine
// (worker.machine.ts) says; whether it takes tasks follows from that, and so does what its card shows.
import {
  agentOrders,
  isPaused,
  type AgentOrders,
} from "../bus/registry/agent-orders.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import type { Queues } from "../bus/streams/queues.js";
import type { Settings } from "../bus/buckets/settings.js";
import type { InstanceCard } from "../protocol/card.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { newToken } from "../protocol/ids.js";
import { toCard, type Agent } from "./agent.js";
import { AskDesk } from "./ask-desk.js";
import type { ExecutionHost, Result } from "./assignment.js";
import { ContextExecution } from "./contexts/context-execution.js";
import { Contexts } from "./contexts/contexts.js";
import { listenToControl } from "./control.js";
import { Execution } from "./execution.js";
import { executionHost, type WorkerHost } from "./execution-host.js";
import { Health } from "./health.js";
import { InHand } from "./in-hand.js";
import { Intake } from "./intake.js";
import { LifeLog } from "./life-log.js";
import { Presence } from "./presence.js";
import { serveRules, type ServeOptions } from "./serve-options.js";
import { drainOnSignals } from "./signals.js";
import { UndoExecution } from "./steps/undo-execution.js";
import { Watch } from "./watch.js";
import {
  stateOnCard,
  takesTasks,
  workerLifecycle,
  type WorkerStep,
} from "./worker.machine.js";

export class Worker implements AsyncDisposable {
  readonly agent: string;
  readonly instance: string;
  readonly concurrency: number;
  readonly lane: string;
  readonly #definition: Agent;
  readonly #host: ExecutionHost;
  readonly #presence: Presence;
  readonly #queues: Queues;
  readonly #settings: Settings;
  readonly #intake: Intake;
  readonly #health: Health;
  readonly #log: LifeLog;
  readonly #watch: Watch;
  readonly #drainMs: number;
  readonly #signals: ServeOptions["signals"];
  readonly #startedAt = new Date().toISOString();
  readonly #inHand: InHand;
  readonly #stops: (() => Promise<void> | void)[] = [];
  readonly #contexts: Contexts | undefined;
  readonly #life = workerLifecycle.begin((_now, event, before) =>
    this.#stepped(event, before),
  );
  /** Resolves when it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
  #hasStopped!: () => void;
  #orders = agentOrders.unset;
  #starting: Promise<void> | undefined;
  #draining: Promise<void> | undefined;

  constructor(definition: Agent, host: WorkerHost, options: ServeOptions = {}) {
    this.agent = definition.name;
    this.instance = options.instance ?? newToken();
    const { lane, concurrency, ackWaitMs, drainMs } = serveRules(options);
    this.lane = lane;
    this.concurrency = concurrency;
    this.#definition = definition;
    this.#presence = new Presence({
      link: host.link,
      publisher: host.publisher,
      registry: host.registry,
      agentCard: toCard(definition, this.lane),
      labels: { ...definition.labels, ...options.labels },
      weight: options.weight ?? 1,
      shut: () => this.#host.limits?.shut() ?? [],
      card: () => this.card(),
    });
    this.stopped = new Promise((resolve) => (this.#hasStopped = resolve));
    this.#queues = host.queues;
    this.#settings = host.settings;
    this.#drainMs = drainMs;
    this.#signals = options.signals;
    this.#watch = new Watch(ackWaitMs);
    const { agent, instance } = this;
    this.#intake = new Intake(
      host.link,
      {
        agent,
        lane,
        slots: concurrency,
        ackWaitMs,
        instance,
        turnsBy: definition.actor && host.registry,
        onFree: () => this.#host.limits?.onSlotFree(),
      },
      (delivery) => this.#inHand.take(delivery),
    );
    this.#host = executionHost(definition, {
      ...host,
      lane,
      instance,
      ackWaitMs,
      slots: this.#intake,
      watch: this.#watch,
      logFailed: (error) => this.#health.logFailed(error),
    });
    this.#log = new LifeLog(this.#host);
    const { recorder } = this.#host;
    if (definition.actor)
      this.#contexts = new Contexts(definition.actor, {
        ...host,
        recorder,
        agent,
        lane,
        instance,
      });
    this.#health = new Health({
      link: host.link,
      step: (event) => this.#life.send(event),
      learnOrders: () => host.settings.refresh(agentOrders, this.agent),
      record: (kind, data) => this.#log.record(kind, data),
      blockedMs: Math.max(1_000, ackWaitMs / 3),
    });
    const intake = this.#intake;
    const executionOf = (delivery: Delivery) => {
      if (this.#contexts)
        return new ContextExecution(
          this.#host,
          delivery,
          this.#contexts,
          intake,
        );
      const isOver = delivery.headers.undo !== undefined;
      return new (isOver ? UndoExecution : Execution)(this.#host, delivery);
    };
    this.#inHand = new InHand(host.link.log, executionOf, {
      step: (event) => this.#life.send(event),
      release: () => this.#intake.release(),
      took: (ms) => this.#presence.took(ms),
    });
  }

  /** Resolves when it takes tasks, or would if it were not paused. */
  start(): Promise<void> {
    return (this.#starting = this.#start());
  }

  async #start(): Promise<void> {
    if (this.#draining)
      throw new TroupeError(
        "WORKER_STOPPING",
        `instance "${this.instance}" of "${this.agent}" was stopped before it had started: serve the agent anew`,
      );
    const { link } = this.#host;
    await this.#intake.prepare(
      () => this.#queues.ensure(this.agent),
      this.#settings,
    );
    await this.#contexts?.start();
    await this.#host.limits?.start();
    this.#life.demand("prepared");
    await Promise.all([this.#presence.announce(), this.#settings.open()]);
    this.#stops.push(this.#listenToControl());
    const asks = new AskDesk(this.#host, this.lane);
    this.#stops.push(
      () => asks.stop(),
      () => this.#presence.stop(),
      () => this.#health.stop(),
      () => this.#host.ears.stop(),
    );
    // Seen first: who pauses the agent before that is heard now, and who does it later waits for this instance.
    await this.#presence.start();
    await this.#settings.refresh(agentOrders, this.agent);
    this.#stops.push(
      await this.#settings.follow(agentOrders, this.agent, (orders) => {
        this.#ordered(orders);
        asks.obey(orders);
      }),
    );
    this.#health.start();
    if (this.#signals !== false)
      this.#stops.push(drainOnSignals(this, this.#signals));
    await Promise.all([this.#presence.tell(), link.flush()]);
    this.#log.tell("started", this.#startFacts());
  }

  /** How it is, as its heartbeat says. */
  card(): InstanceCard {
    const { completed, failed } = this.#inHand.counts;
    return {
      ...this.#presence.facts(),
      agent: this.agent,
      instance: this.instance,
      version: this.#definition.version,
      lane: this.lane,
      state: stateOnCard(this.#life),
      ...this.#health.onCard,
      concurrency: this.concurrency,
      running: this.#inHand.size,
      done: completed,
      failed,
      startedAt: this.#startedAt,
      pid: process.pid,
    };
  }

  /** Of a stateful agent: how many contexts are in memory, and how many actions of its machines have failed. */
  get contexts(): { awake: number; actionsFailed: number } | undefined {
    if (!this.#contexts) return undefined;
    const { awake, actionsFailed } = this.#contexts;
    return { awake, actionsFailed };
  }

  /** How its deliveries ended so far. */
  get counts(): Readonly<Record<Result, number>> {
    return this.#inHand.counts;
  }

  /** Takes nothing new, finishes what is in hand, acknowledges it, and stops. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  /** What it is to do by its machine, and whom it tells. Tasks come and go without either. */
  #stepped(event: WorkerStep, before: string): void {
    if (event === "taken" || event === "emptied") return;
    if (takesTasks(this.#life)) this.#intake.open();
    else this.#intake.shut();
    if (!before.startsWith("serving")) return;
    this.#presence.beat();
    if (event === "pause") this.#log.tell("paused", reasonOf(this.#orders));
    else if (event === "resume") this.#log.tell("resumed");
    else if (event === "drain")
      this.#log.tell("draining", { running: this.#inHand.size });
  }

  #ordered(orders: AgentOrders): void {
    this.#orders = orders;
    const paused = isPaused(orders, this.lane);
    // Before its card says so: what waits at a gate must not begin after that.
    if (paused) this.#host.limits?.close();
    else if (!this.#draining) this.#host.limits?.open();
    this.#life.send(paused ? "pause" : "resume");
  }

  #startFacts(): Record<string, unknown> {
    const { version, lane, state, concurrency, pid } = this.card();
    return { version, lane, state, concurrency, pid };
  }

  #listenToControl(): () => void {
    return listenToControl(this.#host.link, this.agent, {
      canceled: (taskId, reason) => {
        this.#host.canceled.set(taskId, true);
        const error = new TroupeError("TASK_CANCELED", reason);
        this.#inHand.cancel(taskId, error);
        this.#host.putOff.hasten(taskId);
      },
      drain: ({ instance = this.instance, lane = this.lane }) => {
        if (instance === this.instance && lane === this.lane) void this.drain();
      },
    });
  }

  async #drain(): Promise<void> {
    const { link } = this.#host;
    if (this.#starting) await link.untilCutOff(this.#starting);
    const served = this.#life.in("serving");
    this.#life.send("drain");
    await this.#intake.stop();
    this.#host.limits?.close();
    this.#host.fallbacks?.stop(this.#stopping());
    await this.#inHand.finish(this.#drainMs, this.#stopping(), () =>
      this.#callOff(),
    );
    await this.#contexts?.stop();
    await this.#tolerate(() => this.#host.limits?.stop());
    if (served) this.#log.tell("stopped", { ...this.#inHand.counts });
    for (const stop of this.#stops) await this.#tolerate(stop);
    await link.flush();
    this.#life.send("drained");
    this.#hasStopped();
  }

  #callOff(): void {
    this.#watch.stopAll(this.#stopping());
  }

  #stopping(): TroupeError {
    return new TroupeError(
      "WORKER_STOPPING",
      `instance "${this.instance}" of "${this.agent}" stops and the task did not finish in time: another instance takes it`,
    );
  }

  /** When the connection is gone, goodbyes cannot be said, and need not be. */
  async #tolerate(stop: () => Promise<void> | void | undefined): Promise<void> {
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

function reasonOf({ reason }: AgentOrders): { reason?: string } {
  return reason === undefined ? {} : { reason };
}
