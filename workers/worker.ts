// One instance of an agent: it pulls tasks by priority, runs them, answers asks, shows that it lives, and
// stops in three steps: take nothing new, finish what is in hand, say goodbye. Its state is what its machine
// (worker.machine.ts) says; whether it takes tasks follows from that, and so does what its card shows.
import {
  agentOrders,
  isPaused,
  type AgentOrders,
} from "../bus/registry/agent-orders.js";
import type { InstanceCard } from "../protocol/card.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { settledWithin } from "../protocol/settled-within.js";
import type { Agent } from "./agent.js";
import { AskDesk } from "./ask-desk.js";
import type { Result } from "./assignment.js";
import { listenToControl } from "./control.js";
import type { WorkerHost } from "./execution-host.js";
import { serveRules, type ServeOptions } from "./serve-options.js";
import { drainOnSignals } from "./signals.js";
import { WorkerParts } from "./worker-parts.js";
import {
  stateOnCard,
  takesTasks,
  workerLifecycle,
  type WorkerStep,
} from "./worker.machine.js";

/** So long the server is given to store what became of tasks that were called off. */
const lastWordsMs = 2_000;

export class Worker implements AsyncDisposable {
  readonly agent: string;
  readonly instance: string;
  readonly concurrency: number;
  readonly lane: string;
  /** Resolves when it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
  readonly #bus: WorkerHost;
  readonly #parts: WorkerParts;
  readonly #drainMs: number;
  readonly #signals: ServeOptions["signals"];
  readonly #startedAt = new Date().toISOString();
  readonly #stops: (() => Promise<void> | void)[] = [];
  readonly #life = workerLifecycle.begin((_now, event, before) =>
    this.#stepped(event, before),
  );
  readonly #asks: AskDesk;
  #hasStopped!: () => void;
  #orders = agentOrders.unset;
  #starting: Promise<void> | undefined;
  #draining: Promise<void> | undefined;

  constructor(definition: Agent, bus: WorkerHost, options: ServeOptions = {}) {
    const rules = serveRules(options);
    this.agent = definition.name;
    this.instance = rules.instance;
    this.lane = rules.lane;
    this.concurrency = rules.concurrency;
    this.stopped = new Promise((resolve) => (this.#hasStopped = resolve));
    this.#bus = bus;
    this.#drainMs = rules.drainMs;
    this.#signals = options.signals;
    this.#parts = new WorkerParts(definition, bus, rules, {
      card: () => this.card(),
      step: (event) => this.#life.send(event),
    });
    this.#asks = new AskDesk(this.#parts.host, this.lane);
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
    const { host, intake, contexts, presence, health, log } = this.#parts;
    const { queues, settings } = this.#bus;
    await intake.prepare(() => queues.ensure(this.agent), settings);
    await contexts?.start();
    await host.limits?.start();
    this.#life.demand("prepared");
    await Promise.all([presence.announce(), settings.open()]);
    this.#stops.push(this.#listenToControl());
    this.#stops.push(
      () => presence.stop(),
      () => health.stop(),
      () => host.ears.stop(),
    );
    // Seen first: who pauses the agent before that is heard now, and who does it later waits for this instance.
    await presence.start();
    await settings.refresh(agentOrders, this.agent);
    this.#stops.push(
      await settings.follow(agentOrders, this.agent, (orders) => {
        this.#ordered(orders);
        this.#asks.obey(orders);
      }),
    );
    health.start();
    if (this.#signals !== false)
      this.#stops.push(drainOnSignals(this, this.#signals));
    await Promise.all([presence.tell(), host.link.flush()]);
    log.tell("started", this.#startFacts());
  }

  /** How it is, as its heartbeat says. */
  card(): InstanceCard {
    const { host, presence, health, inHand } = this.#parts;
    return {
      ...presence.facts(),
      agent: this.agent,
      instance: this.instance,
      version: host.version,
      lane: this.lane,
      state: stateOnCard(this.#life),
      ...health.onCard,
      concurrency: this.concurrency,
      running: inHand.size,
      done: inHand.counts.completed,
      failed: inHand.counts.failed,
      startedAt: this.#startedAt,
      pid: process.pid,
    };
  }

  /** Of a stateful agent: how many contexts are in memory, and how many actions of its machines have failed. */
  get contexts(): { awake: number; actionsFailed: number } | undefined {
    const { contexts } = this.#parts;
    if (!contexts) return undefined;
    const { awake, actionsFailed } = contexts;
    return { awake, actionsFailed };
  }

  /** How its deliveries ended so far. */
  get counts(): Readonly<Record<Result, number>> {
    return this.#parts.inHand.counts;
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
    const { intake, presence, log, inHand } = this.#parts;
    if (takesTasks(this.#life)) intake.open();
    else intake.shut();
    if (!before.startsWith("serving")) return;
    presence.beat();
    if (event === "pause") log.tell("paused", reasonOf(this.#orders));
    else if (event === "resume") log.tell("resumed");
    else if (event === "drain") log.tell("draining", { running: inHand.size });
  }

  #ordered(orders: AgentOrders): void {
    this.#orders = orders;
    const { limits } = this.#parts.host;
    const paused = isPaused(orders, this.lane);
    // Before its card says so: what waits at a gate must not begin after that.
    if (paused) limits?.close();
    else if (!this.#draining) limits?.open();
    this.#life.send(paused ? "pause" : "resume");
  }

  #startFacts(): Record<string, unknown> {
    const { version, lane, state, concurrency, pid } = this.card();
    return { version, lane, state, concurrency, pid };
  }

  #listenToControl(): () => void {
    const { host, inHand } = this.#parts;
    return listenToControl(host.link, this.agent, {
      canceled: (taskId, reason) => {
        host.canceled.set(taskId, true);
        inHand.cancel(taskId, new TroupeError("TASK_CANCELED", reason));
        host.putOff.hasten(taskId);
      },
      drain: ({ instance = this.instance, lane = this.lane }) => {
        if (instance === this.instance && lane === this.lane) void this.drain();
      },
    });
  }

  async #drain(): Promise<void> {
    const { host, intake, inHand, log } = this.#parts;
    const { link } = host;
    const starting = this.#starting?.catch(() => undefined);
    let hasStarted = starting === undefined;
    void starting?.then(() => (hasStarted = true));
    if (starting) await link.untilCutOff(starting);
    const served = this.#life.in("serving");
    this.#life.send("drain");
    await intake.stop();
    host.limits?.close();
    host.fallbacks.stop(this.#stopping());
    await this.#finish();
    if (served) log.tell("stopped", { ...inHand.counts });
    await link.untilCutOff(this.#leave());
    // What has begun since then does not stay.
    if (!hasStarted) void starting?.then(() => this.#leave());
    this.#life.send("drained");
    this.#hasStopped();
  }

  /** What is in hand, and what it may be asked meanwhile. What then still does not end, another instance gets. */
  async #finish(): Promise<void> {
    const { inHand, watch, host } = this.#parts;
    const { agent, instance } = this;
    const finished = inHand
      .finish(this.#stopping())
      .then(() => this.#asks.stop());
    if (await settledWithin(this.#drainMs, finished)) return;
    watch.stopAll(this.#stopping());
    await settledWithin(lastWordsMs, finished);
    if (inHand.size === 0) return;
    host.link.log.warn(
      { agent, instance, running: inHand.size },
      "the server does not hear what became of the tasks in hand: another instance gets them",
    );
  }

  async #leave(): Promise<void> {
    const { intake, contexts, host } = this.#parts;
    await this.#tolerate(() => intake.stop());
    await this.#tolerate(() => contexts?.stop());
    await this.#tolerate(() => host.limits?.stop());
    for (const stop of this.#stops.splice(0)) await this.#tolerate(stop);
    await host.link.flush();
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
      this.#parts.host.link.log.debug(
        { error: messageOf(error) },
        "a goodbye could not be said",
      );
    }
  }
}

function reasonOf({ reason }: AgentOrders): { reason?: string } {
  return reason === undefined ? {} : { reason };
}
