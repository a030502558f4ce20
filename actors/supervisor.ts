// Supervision after Erlang/OTP, for whatever can be started and can fail: it is started again after a pause
// that grows, until it fails so often in so short a time that starting it again is no cure; then all is
// stopped and the failure goes up.
//
// 1. Children start in their order, each after the one before it, and stop in reverse.
// 2. A first start that fails counts as any other failure: what it needs may not be there yet.
// 3. More than `restarts` failures within `within` escalate, once. Of what was supervised nothing runs then.
// 4. After `stop` nothing is started any more.
//
// A supervisor is itself such a child: `start: (life) => supervise(children, { escalate: life.failed })`.
import { backoffMs, type RetryRules } from "../bus/delivery/retry.js";
import { logger } from "../bus/connection/log.js";
import { steadyClock, type Clock } from "../protocol/clock.js";
import { formatMs, toMs, type Duration } from "../protocol/duration.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { Supervised, type ChildSpec, type ChildState } from "./supervised.js";

export interface SupervisionPolicy {
  /** Who is started again when one fails: it alone (default), it and those after it, or all. */
  strategy?: "one-for-one" | "rest-for-one" | "one-for-all";
  /** More failures than this … Default 10; Infinity never gives up. */
  restarts?: number;
  /** … within this time escalate. A life as long as this starts the pauses over. Default 1m. */
  within?: Duration;
  /** The pause before the first restart; each further one is twice as long, half of it random. Default 100ms. */
  first?: Duration;
  /** No pause is longer. Default 10s. */
  max?: Duration;
  /** A start that takes longer has failed. Default 30s. */
  startWithin?: Duration;
  /** A stop that takes longer is no longer waited for. Default 40s, more than a worker takes to drain. */
  stopWithin?: Duration;
  /** The limit was passed and everything is stopped. The error's cause is the last failure. */
  escalate(this: void, error: TroupeError): void;
  onEvent?(this: void, event: SupervisionEvent): void;
  clock?: Clock;
  random?: () => number;
}

export type SupervisionEvent =
  | { kind: "started"; child: string }
  | { kind: "failed"; child: string; error: unknown; restartInMs: number }
  | { kind: "ended"; child: string; error: unknown }
  | { kind: "stop-failed"; child: string; error: unknown }
  | { kind: "gave-up"; child: string; error: TroupeError };

/** Starts the children and keeps them running; `started` says when each has been tried once. */
export function supervise(
  children: ChildSpec | readonly ChildSpec[],
  policy: SupervisionPolicy,
): Supervisor {
  return new Supervisor([children].flat(), policy);
}

/** A start of some children, one after the other. A child belongs to its newest plan; older ones pass it over. */
type Plan = object;

export class Supervisor {
  /** Resolves when each of the first children was started or has failed once. */
  readonly started: Promise<void>;
  readonly #children: Supervised[] = [];
  readonly #plans = new Map<Supervised, Plan>();
  readonly #pauses = new Set<() => void>();
  readonly #policy: SupervisionPolicy;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #withinMs: number;
  readonly #pauseRules: RetryRules;
  readonly #startMs: number;
  readonly #stopMs: number;
  #failures: number[] = [];
  #stopping: Promise<void> | undefined;

  constructor(children: readonly ChildSpec[], policy: SupervisionPolicy) {
    this.#policy = policy;
    this.#clock = policy.clock ?? steadyClock;
    this.#limit = policy.restarts ?? 10;
    this.#withinMs = toMs(policy.within ?? "1m", "within");
    this.#startMs = toMs(policy.startWithin ?? "30s", "startWithin");
    this.#stopMs = toMs(policy.stopWithin ?? "40s", "stopWithin");
    this.#pauseRules = {
      attempts: Number.POSITIVE_INFINITY,
      crashes: Number.POSITIVE_INFINITY,
      backoff: "exponential",
      firstMs: toMs(policy.first ?? "100ms", "first"),
      maxMs: toMs(policy.max ?? "10s", "max"),
    };
    const first = children.map((spec) => this.#adopt(spec));
    this.started = this.#startInOrder(first);
  }

  /** How each child is, in order. */
  get children(): { name: string; state: ChildState; failures: number }[] {
    return this.#children.map(({ spec, state, failures }) => ({
      name: spec.name,
      state,
      failures,
    }));
  }

  /** One more child, after the others. Resolves when it was started or has failed once. */
  add(spec: ChildSpec): Promise<void> {
    if (this.#stopping) throw stopped(spec.name);
    return this.#startInOrder([this.#adopt(spec)]);
  }

  /** Stops a child and forgets it; one that is not there is gone already. */
  async remove(name: string): Promise<void> {
    const at = this.#children.findIndex(({ spec }) => spec.name === name);
    const [child] = at < 0 ? [] : this.#children.splice(at, 1);
    if (!child) return;
    this.#plans.delete(child);
    await child.stop();
  }

  /** Stops all in reverse order. Resolves when they are gone, or were not in time. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  get #strategy() {
    return this.#policy.strategy ?? "one-for-one";
  }

  #adopt(spec: ChildSpec): Supervised {
    if (this.#children.some((child) => child.spec.name === spec.name))
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `two children of a supervisor are called "${spec.name}": give each a name of its own`,
      );
    const limits = {
      clock: this.#clock,
      startMs: this.#startMs,
      stopMs: this.#stopMs,
      steadyMs: this.#withinMs,
    };
    const child = new Supervised(spec, limits, {
      over: (over, error) => this.#over(over, error),
      stopFailed: (over, error) =>
        this.#tell({ kind: "stop-failed", child: over.spec.name, error }),
    });
    this.#children.push(child);
    return child;
  }

  async #stop(): Promise<void> {
    for (const wake of this.#pauses) wake();
    await stopInReverse(this.#children);
  }

  #over(child: Supervised, error: unknown): void {
    if (this.#stopping || !this.#children.includes(child)) return;
    if (isDone(child.spec, error)) {
      child.state = "ended";
      return this.#tell({ kind: "ended", child: child.spec.name, error });
    }
    if (this.#tooMany()) return this.#giveUp(child, error);
    const { random } = this.#policy;
    const pauseMs = backoffMs(this.#pauseRules, child.failures, random);
    this.#tell({
      kind: "failed",
      child: child.spec.name,
      error,
      restartInMs: pauseMs,
    });
    void this.#restart(this.#concerned(child), pauseMs);
  }

  #tooMany(): boolean {
    const now = this.#clock.now();
    const recent = this.#failures.filter((at) => now - at <= this.#withinMs);
    this.#failures = [...recent, now];
    return this.#failures.length > this.#limit;
  }

  #concerned(child: Supervised): Supervised[] {
    if (this.#strategy === "one-for-one") return [child];
    const from =
      this.#strategy === "one-for-all" ? 0 : this.#children.indexOf(child);
    return this.#children.slice(from).filter(({ state }) => state !== "ended");
  }

  async #restart(group: Supervised[], pauseMs: number): Promise<void> {
    const plan = this.#plan(group);
    await stopInReverse(group.filter(({ state }) => state !== "down"));
    await this.#pause(pauseMs);
    await this.#startInOrder(group, plan);
  }

  async #startInOrder(
    group: readonly Supervised[],
    plan = this.#plan(group),
  ): Promise<void> {
    for (const child of group) {
      if (this.#stopping) return;
      if (this.#plans.get(child) !== plan) continue;
      await child.start();
      if (child.state === "running")
        this.#tell({ kind: "started", child: child.spec.name });
    }
  }

  #plan(group: readonly Supervised[]): Plan {
    const plan = {};
    for (const child of group) this.#plans.set(child, plan);
    return plan;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#clock.clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = this.#clock.setTimeout(wake, ms);
      this.#pauses.add(wake);
    });
  }

  #giveUp(child: Supervised, cause: unknown): void {
    const { name } = child.spec;
    const error = new TroupeError(
      "RESTARTS_EXHAUSTED",
      `"${name}" failed, and that was failure ${this.#failures.length} within ${formatMs(this.#withinMs)} where ${this.#limit} are allowed: ${messageOf(cause)}`,
      { cause },
    );
    void this.stop().then(() => {
      this.#tell({ kind: "gave-up", child: name, error });
      this.#policy.escalate(error);
    });
  }

  #tell(event: SupervisionEvent): void {
    try {
      this.#policy.onEvent?.(event);
    } catch (error) {
      logger.error(
        { error: messageOf(error), event: event.kind },
        "who listens to a supervisor failed, and was passed over",
      );
    }
  }
}

function isDone({ restart = "always" }: ChildSpec, error: unknown): boolean {
  return (
    restart === "never" || (restart === "on-failure" && error === undefined)
  );
}

async function stopInReverse(children: readonly Supervised[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}

function stopped(name: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `"${name}" cannot be started: its supervisor has stopped`,
  );
}
