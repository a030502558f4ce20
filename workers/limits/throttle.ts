// Tells on the log when tasks begin to wait for a limit, and when they have not had to for a while: not each
// time, which would be as many events as tasks.
import type { PolicyHost } from "./policy.js";

const quietMs = 2_000;

export class Throttle {
  readonly #host: PolicyHost;
  readonly #facts: Record<string, unknown>;
  #timer: NodeJS.Timeout | undefined;
  #lastAt = 0;

  constructor(host: PolicyHost, facts: Record<string, unknown>) {
    this.#host = host;
    this.#facts = { skill: host.skill, lane: host.lane, ...facts };
  }

  /** A task had to wait. */
  begins(): void {
    this.#lastAt = performance.now();
    if (this.#timer) return;
    this.#host.tell("throttled", this.#facts);
    this.#timer = setInterval(() => this.#look(), quietMs / 2);
  }

  stop(): void {
    if (this.#timer) this.#ends();
  }

  #look(): void {
    if (performance.now() - this.#lastAt >= quietMs) this.#ends();
  }

  #ends(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#host.tell("unthrottled", this.#facts);
  }
}
