// One child of a supervisor: each start begins a new life, and whatever an older life still says is ignored.
//
// 1. A life ends once: by `failed`, by `ended`, by a start that throws or takes too long, or by `stop`.
// 2. The next life begins only after the last one has been let go of, or has not gone in time.
// 3. Neither `start` nor `stop` throws: trouble is told to who supervises (R9: both have a deadline).
import type { Clock } from "../protocol/clock.js";
import { formatMs } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";

/** How a child tells what became of it after it was started. */
export interface Life {
  failed(this: void, error: unknown): void;
  /** It has done its work. */
  ended(this: void): void;
}

export interface Running {
  /** Also called for what has failed, so that it lets go of what it holds. */
  stop(): Promise<void> | void;
}

export interface ChildSpec {
  name: string;
  start(this: void, life: Life): Promise<Running> | Running;
  /** When it is started again. Default always. */
  restart?: "always" | "on-failure" | "never";
}

interface LifeLimits {
  clock: Clock;
  startMs: number;
  stopMs: number;
  /** After so long a life earlier failures no longer count. */
  steadyMs: number;
}

interface LifeListener {
  /** Its life is over by itself; with an error, it failed. */
  over(child: Supervised, error: unknown): void;
  /** It could not be stopped well. */
  stopFailed(child: Supervised, error: unknown): void;
}

export type ChildState = "down" | "starting" | "running" | "stopped" | "ended";

export class Supervised {
  readonly spec: ChildSpec;
  state: ChildState = "down";
  /** Failures in a row, without a long life in between. */
  failures = 0;
  readonly #limits: LifeLimits;
  readonly #listener: LifeListener;
  #life = 0;
  #startedAt = 0;
  #running: Running | undefined;
  /** The start or the end under way. */
  #busy: Promise<void> = Promise.resolve();

  constructor(spec: ChildSpec, limits: LifeLimits, listener: LifeListener) {
    this.spec = spec;
    this.#limits = limits;
    this.#listener = listener;
  }

  /** Resolves when it runs, or has failed to. */
  start(): Promise<void> {
    const life = ++this.#life;
    this.state = "starting";
    this.#busy = this.#busy.then(() => this.#open(life));
    return this.#busy;
  }

  /** Resolves when it is gone, or was not in time. */
  async stop(): Promise<void> {
    this.#life++; // a start under way finds that it is no longer wanted
    if (this.state !== "ended") this.state = "stopped";
    const running = this.#takeRunning();
    const busy = this.#busy;
    this.#busy = this.#inTime(
      busy.then(() => running?.stop()),
      this.#limits.stopMs,
      "stop",
    ).catch((error: unknown) => this.#listener.stopFailed(this, error));
    await this.#busy;
  }

  async #open(life: number): Promise<void> {
    if (life !== this.#life) return;
    const opening = Promise.resolve().then(() =>
      this.spec.start({
        failed: (error) => this.#over(life, error ?? unknownError(this)),
        ended: () => this.#over(life, undefined),
      }),
    );
    try {
      const running = await this.#inTime(
        opening,
        this.#limits.startMs,
        "start",
      );
      if (life !== this.#life) return await this.#letGo(running);
      this.#running = running;
      this.#startedAt = this.#limits.clock.now();
      this.state = "running";
    } catch (error) {
      // Should it start after all, nobody wants it any more.
      opening.then(
        (late) => this.#letGo(late),
        () => undefined,
      );
      this.#over(life, error);
    }
  }

  #over(life: number, error: unknown): void {
    if (life !== this.#life) return;
    this.#life++;
    const lived =
      this.state === "running" ? this.#limits.clock.now() - this.#startedAt : 0;
    this.failures = lived >= this.#limits.steadyMs ? 1 : this.failures + 1;
    this.state = "down";
    const running = this.#takeRunning();
    if (running) this.#busy = this.#busy.then(() => this.#letGo(running));
    this.#listener.over(this, error);
  }

  #takeRunning(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    return running;
  }

  async #letGo(running: Running): Promise<void> {
    try {
      const stopping = Promise.resolve().then(() => running.stop());
      await this.#inTime(stopping, this.#limits.stopMs, "stop");
    } catch (error) {
      this.#listener.stopFailed(this, error);
    }
  }

  #inTime<Result>(
    work: Promise<Result>,
    ms: number,
    verb: "start" | "stop",
  ): Promise<Result> {
    const { clock } = this.#limits;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => reject(late(this, verb, ms)), ms);
      work
        .then(resolve, reject)
        .finally(() => clock.clearTimeout(timer))
        .catch(() => undefined);
    });
  }
}

function late({ spec }: Supervised, verb: "start" | "stop", ms: number) {
  return new TroupeError(
    "TIMED_OUT",
    `"${spec.name}" did not ${verb} within ${formatMs(ms)}: see what it waits for, or give it longer with ${verb}Within`,
  );
}

function unknownError({ spec }: Supervised): TroupeError {
  return new TroupeError(
    "HANDLER_FAILED",
    `"${spec.name}" failed and did not say why`,
  );
}
