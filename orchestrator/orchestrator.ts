// One orchestrator: its machine, and what is done in each state. Several may run; each folds the log and answers,
// and the one that holds the lease leads.
//
// 1. It answers nothing before it has folded the log, and only from what it has folded (R5).
// 2. What only the leader may do goes through a term (term.ts), and its duties end with it.
// 3. Whoever leads no more, by whatever way, says so: in its log, and as an event `fenced` when it was not its
//    own will.
import { recordAgentEvent } from "../bus/history/agent-events.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { newToken } from "../protocol/ids.js";
import { Leadership } from "./leading/leadership.js";
import { Lease } from "./leading/lease.js";
import {
  orchestratorLifecycle,
  type OrchestratorLifetime,
  type OrchestratorState,
} from "./orchestrator.machine.js";
import { Following } from "./view/following.js";
import { declareSkills, type Answerer } from "./skills.js";
import type { PlanHost } from "./plans/plan-skill.js";
import { orchestratorName } from "../protocol/subjects.js";
import type { UpToDate } from "./queries/view.js";

export interface OrchestratorOptions {
  /** How many places of the log it looks back. Default 100000. */
  window?: number;
}

interface Drainable {
  drain(): Promise<void>;
}

const defaultWindow = 100_000;
const tryAgainMs = 500;
const slowMs = 30_000;
/** So long an orchestrator that failed at leading leaves it to others. */
const pauseMs = 5_000;
/** So long who asks waits for an orchestrator that recovers anew. */
const patienceMs = 8_000;

export class Orchestrator implements Answerer {
  readonly instance = newToken();
  readonly window: number;
  readonly link: Answerer["link"];
  readonly publisher: Answerer["publisher"];
  readonly registry: Answerer["registry"];
  readonly #lease: Lease;
  readonly #leadership: Leadership;
  readonly #life: OrchestratorLifetime;
  readonly #listeners = new Set<(state: OrchestratorState) => void>();
  /** Folds the log, or has. */
  #following: Following | undefined;
  /** Has, and answers. */
  #folded: Following | undefined;
  /** The end of the last time of leading. */
  #leaving: Promise<void> | undefined;
  #isCampaigning = false;
  #answering: Drainable | undefined;
  #draining: Promise<void> | undefined;

  constructor(host: PlanHost, options: OrchestratorOptions = {}) {
    this.link = host.link;
    this.publisher = host.publisher;
    this.registry = host.registry;
    this.agent = declareSkills(this, host);
    this.window = checkWindow(options.window ?? defaultWindow);
    this.#lease = new Lease(this.link, this.publisher, this.instance, {
      taken: () => this.#life.send("taken"),
      lost: (why) => this.#lost(why),
    });
    const { link, publisher, registry, instance } = this;
    this.#leadership = new Leadership(
      { link, publisher, registry, instance, lease: this.#lease },
      (why) => this.#giveUp(why),
    );
    this.#life = orchestratorLifecycle.begin(({ state }, event, before) =>
      this.#entered(state, event, before),
    );
  }

  /** The agent that answers for it, in the shape that `bus.serve` takes. */
  readonly agent: ReturnType<typeof declareSkills>;

  get state(): OrchestratorState {
    return this.#life.state;
  }

  /** The number of the term in which it leads now. */
  get term(): number | undefined {
    return this.state === "leading" ? this.#lease.held : undefined;
  }

  /** Who leads, as far as it knows. */
  get leader(): string | undefined {
    return this.#lease.leader;
  }

  /** Hears of each state that it enters. Returns how to stop that. */
  onState(listener: (state: OrchestratorState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when it may answer. */
  async start(): Promise<void> {
    this.#life.send("opened");
    await this.#untilAnswering(Number.POSITIVE_INFINITY);
  }

  /** What answers for it ends with it. */
  answersBy(worker: Drainable): void {
    this.#answering = worker;
  }

  /** Ends its duties, gives the lease back, answers what it was asked, and follows the log no more. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  async upToDate(): Promise<UpToDate> {
    for (;;) {
      await this.#untilAnswering(patienceMs);
      const upToDate = await this.#folded!.upToDate();
      if (upToDate) return upToDate;
      if (this.#draining) throw stopping(this.instance);
      this.#life.send("cut");
    }
  }

  #entered(
    state: OrchestratorState,
    event: string,
    before: OrchestratorState,
  ): void {
    this.link.log.info(
      { instance: this.instance, state, event },
      "orchestrator",
    );
    if (before === "leading") this.#leaving = this.#leadership.end();
    if (state === "recovering") void this.#recover();
    else if (state === "standby" && !this.#isCampaigning) void this.#campaign();
    else if (state === "leading") void this.#lead();
    for (const listener of this.#listeners) listener(state);
  }

  // --- recovering ---

  /** Again and again, until it is done or nobody wants it any more. */
  async #recover(): Promise<void> {
    this.#folded = undefined;
    await this.#lease.release(Number.POSITIVE_INFINITY);
    await this.#following?.stop();
    while (this.state === "recovering") {
      try {
        await this.#fold();
        if (this.state !== "recovering") return;
        this.#lease.resume();
        this.#life.send("recovered");
      } catch (error) {
        if (this.state !== "recovering") return;
        this.link.log.warn(
          { error: messageOf(error) },
          "the log cannot be folded yet; it is tried again",
        );
        await pause(tryAgainMs);
      }
    }
  }

  async #fold(): Promise<void> {
    const begunAt = performance.now();
    const cut = () => this.#life.send("cut");
    const following = new Following(this.link, this.window, cut);
    this.#following = following;
    await following.open();
    this.#folded = following;
    const { from, to, size } = following.projection;
    const ms = Math.round(performance.now() - begunAt);
    this.link.log.info({ from, to, events: size, ms }, "log folded");
  }

  async #untilAnswering(withinMs: number): Promise<void> {
    const isAnswering = () => this.#folded && this.state !== "recovering";
    if (isAnswering()) return;
    await new Promise<void>((resolve, reject) => {
      const forget = this.onState((state) => {
        if (isAnswering()) settle();
        else if (state === "draining") settle(stopping(this.instance));
      });
      const timer = Number.isFinite(withinMs)
        ? setTimeout(() => settle(stillRecovering(this.instance)), withinMs)
        : undefined;
      const settle = (error?: TroupeError) => {
        clearTimeout(timer);
        forget();
        if (error) reject(error);
        else resolve();
      };
    });
  }

  // --- standby ---

  async #campaign(): Promise<void> {
    this.#isCampaigning = true;
    for (let ms = tryAgainMs; !this.#draining; ms = Math.min(ms * 2, slowMs))
      try {
        return await this.#lease.start();
      } catch (error) {
        if (this.link.closed || this.#draining) return;
        this.link.log.warn(
          { error: messageOf(error) },
          "it cannot ask for the lease, so it does not lead; it is tried again",
        );
        await pause(ms);
      }
  }

  // --- leading ---

  async #lead(): Promise<void> {
    const number = this.#lease.held;
    if (number === undefined) return; // #lost has been told
    try {
      await this.#leadership.begin(number);
    } catch (error) {
      if (this.term === number) this.#giveUp(messageOf(error));
    }
  }

  /** It still has the lease, and leaves it to others. */
  #giveUp(why: string): void {
    void this.#lease.release(pauseMs);
    this.#lost(why);
  }

  #lost(why: string): void {
    const { term } = this.#leadership;
    if (!this.#life.send("lost")) return;
    const { link, instance } = this;
    link.log.warn({ instance, term, why }, "it leads no more");
    if (term === undefined || !link.connected) return;
    const data = { term, why };
    recordAgentEvent(link, this.publisher, {
      agent: orchestratorName,
      instance,
      kind: "fenced",
      data,
    }).catch((error: unknown) =>
      link.log.debug({ error: messageOf(error) }, "it could not be told"),
    );
  }

  // --- draining ---

  async #drain(): Promise<void> {
    const { link } = this;
    this.#life.send("stop");
    if (this.#leaving) await link.untilCutOff(this.#leaving);
    await link.untilCutOff(this.#lease.stop());
    await this.#answering?.drain();
    if (this.#following) await link.untilCutOff(this.#following.stop());
    this.#life.send("drained");
  }
}

function checkWindow(window: number): number {
  if (Number.isInteger(window) && window >= 1 && window <= 10_000_000)
    return window;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `window ${window} is none: use a whole number from 1 to 10000000`,
  );
}

function stopping(instance: string): TroupeError {
  return new TroupeError(
    "WORKER_STOPPING",
    `orchestrator "${instance}" stops: ask again, and another answers`,
  );
}

function stillRecovering(instance: string): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `orchestrator "${instance}" has been folding the log for ${patienceMs} ms: ask again`,
  );
}

/** Keeps no process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
