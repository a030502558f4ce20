// What a process runs: workers, orchestrators, and what whoever serves does for all.
import type { Relay } from "./bus/delivery/relay.js";
import { startWaker } from "./bus/journal/waker.js";
import type { BusParts } from "./bus/parts.js";
import type { Firer } from "./bus/schedules/firer.js";
import { startScheduler } from "./bus/schedules/scheduler.js";
import { startMover } from "./bus/tasks/timers.js";
import {
  Orchestrator,
  type OrchestratorOptions,
} from "./orchestrator/orchestrator.js";
import type { Duration } from "./protocol/duration.js";
import type { Agent } from "./workers/agent.js";
import type { ServeOptions } from "./workers/serve-options.js";
import { drainOnSignals } from "./workers/signals.js";
import { Worker } from "./workers/worker.js";

export interface OrchestrateOptions extends OrchestratorOptions {
  /** Stop and exit on these signals. Default SIGTERM and SIGINT; false for none. */
  signals?: readonly NodeJS.Signals[] | false;
  /** A plan whose orchestrator is silent for so long goes on at another. Default 3s. */
  ackWait?: Duration;
}

export class Serving {
  readonly #parts: BusParts;
  readonly #firer: Firer;
  readonly #workers = new Set<Worker>();
  readonly #orchestrators = new Set<Orchestrator>();
  /** Whoever serves also moves what falls due, and fires schedules. */
  #mover: Promise<Relay> | undefined;
  #scheduler: Promise<Relay> | undefined;
  #isStopping = false;

  constructor(parts: BusParts, firer: Firer) {
    this.#parts = parts;
    this.#firer = firer;
  }

  /** Resolves when it takes tasks. */
  async serve(agent: Agent, options: ServeOptions): Promise<Worker> {
    if (this.#isStopping) throw this.#parts.link.closedError();
    const worker = new Worker(agent, this.#parts, options);
    this.#workers.add(worker);
    void worker.stopped.then(() => this.#workers.delete(worker));
    try {
      await Promise.all([this.#startMover(), this.#startScheduler()]);
      await worker.start();
    } catch (error) {
      await worker.drain();
      throw this.#whyNot(error);
    }
    return worker;
  }

  /** Resolves when it answers. */
  async orchestrate(options: OrchestrateOptions): Promise<Orchestrator> {
    if (this.#isStopping) throw this.#parts.link.closedError();
    const { signals, ackWait = "3s", ...settings } = options;
    const { link, publisher, registry } = this.#parts;
    const orchestrator = new Orchestrator(
      { link, publisher, registry },
      settings,
    );
    this.#orchestrators.add(orchestrator);
    try {
      await orchestrator.start();
      const { agent, instance } = orchestrator;
      const worker = await this.serve(agent, {
        instance,
        ackWait,
        signals: false,
      });
      orchestrator.answersBy(worker);
    } catch (error) {
      await orchestrator.drain();
      throw this.#whyNot(error);
    }
    if (signals !== false) {
      const forget = drainOnSignals(orchestrator, signals);
      orchestrator.onState((state) => state === "stopped" && forget());
    }
    return orchestrator;
  }

  /** Drains all that runs, or is about to. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const running = [...this.#orchestrators, ...this.#workers];
    await Promise.all(running.map((each) => each.drain()));
    await Promise.all([this.#stop(this.#mover), this.#stop(this.#scheduler)]);
  }

  /** As soon as it has started, if ever. */
  async #stop(starting: Promise<Relay> | undefined): Promise<void> {
    const stopping = starting?.then(
      (relay) => relay.stop(),
      () => undefined,
    );
    if (stopping) await this.#parts.link.untilCutOff(stopping);
  }

  /** What was ended while it began says little of why. */
  #whyNot(error: unknown): unknown {
    return this.#isStopping ? this.#parts.link.closedError() : error;
  }

  #startMover(): Promise<unknown> {
    if (!this.#mover) {
      this.#mover = startRelays(this.#parts);
      this.#mover.catch(() => (this.#mover = undefined));
    }
    return this.#mover;
  }

  #startScheduler(): Promise<unknown> {
    if (!this.#scheduler) {
      this.#scheduler = startScheduler(this.#firer);
      this.#scheduler.catch(() => (this.#scheduler = undefined));
    }
    return this.#scheduler;
  }
}

async function startRelays({ link, publisher }: BusParts): Promise<Relay> {
  const mover = await startMover(link, publisher);
  try {
    const waker = await startWaker(link, publisher);
    return {
      async stop() {
        await Promise.all([mover.stop(), waker.stop()]);
      },
    };
  } catch (error) {
    await mover.stop();
    throw error;
  }
}
