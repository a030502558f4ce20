// Hosts a skill's breaker (workers/limits/breaker.machine.ts), whose state all instances in its lane share.
//
// 1. While it is closed a task costs nothing here, and a failure one change of the shared state.
// 2. Each instance hears every change at once by a watch, and decides by what it heard last. What may pass as a
//    probe is decided on the stored state, so that no more pass than allowed, whatever the number of instances.
// 3. Who changes the state tells of it on the log.
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { Bucket, keyOf, type Watching } from "../../bus/buckets/bucket.js";
import { changeShared } from "../../bus/buckets/shared-state.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import {
  closedBreaker,
  stepBreaker,
  type BreakerRules,
  type BreakerState,
} from "./breaker.machine.js";
import type { Leave, Policy, PolicyHost } from "./policy.js";

const stored = z.object({
  is: z.enum(["closed", "open", "half-open"]),
  failures: z.array(z.number()),
  openedAt: z.number(),
  probes: z.array(z.object({ id: z.string(), until: z.number() })),
  succeeded: z.number(),
  /** Names the change that led to it. */
  change: z.string(),
});
type Stored = z.infer<typeof stored>;

type Happened =
  | { type: "failed"; at: number; probe?: string }
  | { type: "succeeded" | "abandoned" | "asked"; at: number; probe: string };

const takenWithinMs = 50;
const likelyInstances = 4;

export class BreakerPolicy implements Policy {
  readonly #host: PolicyHost;
  readonly #rules: BreakerRules;
  readonly #bucket: Bucket<Stored>;
  readonly #key: string;
  #state: BreakerState = closedBreaker;
  #revision = 0;
  #watching: Watching | undefined;
  /** Let through as probes, and not yet taken by a task. */
  #probes: string[] = [];
  #asking = false;
  #waking: NodeJS.Timeout | undefined;
  #unsaid: Happened[] = [];
  /** Failures among what is on its way. */
  #untold = 0;
  #saying: Promise<void> | undefined;
  #stopped = false;

  constructor(host: PolicyHost, rules: Omit<BreakerRules, "probeMs">) {
    this.#host = host;
    this.#rules = { ...rules, probeMs: host.patienceMs };
    const { link, publisher, agent, lane, skill } = host;
    this.#bucket = new Bucket(
      link,
      publisher,
      link.subjects.buckets.limits,
      stored,
      { ownTtls: true },
    );
    this.#key = keyOf("breaker", agent, lane, skill);
  }

  async start(): Promise<void> {
    this.#watching = await this.#bucket.watch(this.#key, ({ entry }) =>
      this.#heard(entry?.value, entry?.revision ?? this.#revision),
    );
  }

  /** Not when it has rested: somebody must come to see whether the skill works again. */
  isShut(): boolean {
    return this.#restMs() > 0;
  }

  partOf(): string {
    return "";
  }

  /** What failed here and is not stored yet counts already, as though others failed as often meanwhile. */
  isFree(): boolean {
    const { is, failures } = this.#state;
    if (is !== "closed") return this.#probes.length > 0;
    if (this.#untold === 0) return true;
    const since = this.#host.clock.now() - this.#rules.withinMs;
    const known = failures.filter((at) => at > since).length;
    return known + this.#untold * likelyInstances < this.#rules.failures;
  }

  enter(): Leave {
    if (this.#state.is === "closed")
      return (verdict) => {
        if (verdict !== "failed" || this.#state.is !== "closed") return;
        this.#untold++;
        this.#say({ type: "failed", at: this.#host.clock.now() });
      };
    return this.#enterAsProbe(this.#probes.shift()!);
  }

  wanted(_part: string, tasks: number): void {
    if (tasks === 0 || this.#state.is === "closed") return;
    const restMs = this.#restMs();
    if (restMs > 0) this.#wakeIn(restMs);
    else if (!this.#asking && !this.#stopped) void this.#ask(tasks);
  }

  waitMs(): number {
    const { is } = this.#state;
    if (is === "open") return Math.max(1, this.#restMs());
    return is === "closed" ? 10 : 500;
  }

  spacingMs(): number {
    return 1;
  }

  refusal(): TroupeError {
    const { agent, skill } = this.#host;
    const retryAt = this.#host.link.clock.now() + this.waitMs();
    const until = new Date(retryAt).toISOString();
    return new TroupeError(
      "BREAKER_OPEN",
      `the breaker of ${agent}.${skill} is ${this.#state.is}, because it failed ${this.#rules.failures} times: try again after ${until}, or submit a durable task, which waits`,
      { data: { agent, skill, retryAt } },
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#waking);
    this.#giveProbesBack();
    if (!this.#host.link.connected) return;
    await this.#saying;
    await this.#watching?.stop();
  }

  #restMs(): number {
    if (this.#state.is !== "open") return 0;
    return this.#state.openedAt + this.#rules.restMs - this.#host.clock.now();
  }

  #enterAsProbe(probe: string): Leave {
    const renew = setInterval(
      () => this.#say({ type: "asked", at: this.#host.clock.now(), probe }),
      this.#rules.probeMs / 3,
    );
    return (verdict) => {
      clearInterval(renew);
      const type = verdict === "unused" ? "abandoned" : verdict;
      this.#say({ type, at: this.#host.clock.now(), probe });
    };
  }

  /** Asks for as many probes as tasks wait; what of it is let through stands in the new state. */
  async #ask(tasks: number): Promise<void> {
    this.#asking = true;
    const count = Math.min(tasks, this.#rules.probes);
    const probes = Array.from({ length: count }, () => newToken());
    try {
      const state = await this.#apply(
        probes.map((probe) => ({ type: "asked", at: 0, probe })),
      );
      const granted = state.probes.map(({ id }) => id);
      this.#probes.push(...probes.filter((id) => granted.includes(id)));
    } catch (error) {
      this.#failedTo("ask for a probe", error);
    }
    this.#asking = false;
    if (!this.isFree()) return this.#wakeIn(this.#nextLossMs());
    this.#host.onFree();
    // Whoever waited may be gone by now, or find no slot.
    setTimeout(() => this.#giveProbesBack(), takenWithinMs).unref();
  }

  #giveProbesBack(): void {
    for (const probe of this.#probes.splice(0))
      this.#say({ type: "abandoned", at: this.#host.clock.now(), probe });
  }

  /** When the first of the probes under way would count as lost. */
  #nextLossMs(): number {
    const now = this.#host.clock.now();
    const ends = this.#state.probes.map(({ until }) => until - now);
    return Math.max(50, Math.min(this.#rules.probeMs, ...ends));
  }

  #wakeIn(ms: number): void {
    if (this.#waking || this.#stopped) return;
    this.#waking = setTimeout(() => {
      this.#waking = undefined;
      this.#host.onFree();
    }, ms);
  }

  /** Reports go one after the other; what happens meanwhile goes together. */
  #say(happened: Happened): void {
    this.#unsaid.push(happened);
    this.#saying ??= this.#sayAll().finally(() => (this.#saying = undefined));
  }

  async #sayAll(): Promise<void> {
    while (this.#unsaid.length > 0) {
      const happened = this.#unsaid.splice(0);
      try {
        await this.#apply(happened);
      } catch (error) {
        this.#failedTo("tell how a task ended", error);
      }
      this.#untold = this.#unsaid.filter(isFailure).length;
      this.#host.onFree();
    }
  }

  #failedTo(what: string, error: unknown): void {
    this.#host.link.log.warn(
      { key: this.#key, error: messageOf(error) },
      `a breaker could not ${what}`,
    );
  }

  async #apply(happened: readonly Happened[]): Promise<BreakerState> {
    const { clock } = this.#host;
    const change = newToken();
    let from: BreakerState["is"] = "closed";
    const { state, revision } = await changeShared(
      this.#bucket,
      this.#key,
      (before) => {
        if (before?.change === change) return { state: undefined, result: 0 }; // stored, and called a conflict
        const old: BreakerState = before ?? closedBreaker;
        clock.advanceTo(old.openedAt);
        from = old.is;
        const now = clock.now();
        const after = happened.reduce<BreakerState>(
          (state, event) =>
            stepBreaker(state, this.#rules, {
              ...event,
              at: event.at || now,
            }),
          toState(old),
        );
        if (isDeepStrictEqual(after, toState(old)))
          return { state: undefined, result: 0 };
        return { state: { ...after, change }, result: 0, ...this.#ttl(after) };
      },
    );
    if (state?.change === change && state.is !== from) this.#tell(state);
    this.#heard(state, revision);
    return state ?? closedBreaker;
  }

  /** Closed, with failures that no longer count, is the same as none. */
  #ttl({ is }: BreakerState): { ttlMs?: number } {
    return is === "closed" ? { ttlMs: this.#rules.withinMs + 10_000 } : {};
  }

  /** What is older than what is known already was overtaken on its way. */
  #heard(state: Stored | undefined, revision: number): void {
    if (revision < this.#revision) return;
    this.#revision = revision;
    this.#state = state ? toState(state) : closedBreaker;
    this.#host.clock.advanceTo(this.#state.openedAt);
    clearTimeout(this.#waking);
    this.#waking = undefined;
    this.#host.onFree();
  }

  #tell({ is, openedAt }: BreakerState): void {
    const { skill, lane } = this.#host;
    const { failures, withinMs, restMs } = this.#rules;
    const until = openedAt + restMs;
    if (is === "open")
      this.#host.tell("breaker-opened", {
        skill,
        lane,
        failures,
        withinMs,
        until,
      });
    else if (is === "closed")
      this.#host.tell("breaker-closed", { skill, lane });
    else this.#host.tell("breaker-half-opened", { skill, lane });
  }
}

function isFailure({ type, probe }: Happened): boolean {
  return type === "failed" && probe === undefined;
}

function toState(state: BreakerState): BreakerState {
  const { is, failures, openedAt, probes, succeeded } = state;
  return { is, failures, openedAt, probes, succeeded };
}
