// One timer for all that runs: it ends runs whose time is up and keeps long deliveries alive. A timer a
// task would cost more than most tasks do. It counts steadily: when the machine's clock is set, nothing ends
// early or late.
import { Slots } from "../bus/streams/slots.js";
import type { TroupeError } from "../protocol/errors.js";
import type { Suspension } from "./steps/suspension.js";

const tickMs = 50;

/** One run of a handler, while it lasts: the watch ends it when its time is up, a canceler when it is called off. */
export interface Run {
  /** The watch's own. */
  watchedAs?: number;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  endsAt: number;
  /** What to say when its time is up. */
  outOfTime(): TroupeError;
  /** Ends the run from outside; the handler's own result no longer counts. */
  stop: (why: TroupeError | Suspension) => void;
}

export interface KeptAlive {
  /** The watch's own. */
  keptAs: number;
  keepAliveAt: number;
  /** For so long that another may have got it, and may have it still. */
  wasSilent: boolean;
  keepAlive(): void;
}

export class Watch {
  readonly #runs = new Slots<Run>();
  readonly #kept = new Slots<KeptAlive>();
  readonly #everyMs: number;
  /** After the time when something should have been said. */
  readonly #longestSilenceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped: TroupeError | undefined;

  /** `ackWaitMs`: a delivery that says nothing for so long goes to another instance. */
  constructor(ackWaitMs: number) {
    this.#everyMs = ackWaitMs / 3;
    this.#longestSilenceMs = ackWaitMs - this.#everyMs;
  }

  add(run: Run): void {
    run.watchedAs = this.#runs.add(run);
    if (this.#stopped) run.endsAt = 0;
    this.#timer ??= setInterval(() => this.#onTick(), tickMs);
  }

  remove(run: Run): void {
    if (run.watchedAs !== undefined) this.#runs.remove(run.watchedAs);
  }

  keep(delivery: KeptAlive): void {
    delivery.keepAliveAt = performance.now() + this.#everyMs;
    delivery.keptAs = this.#kept.add(delivery);
    this.#timer ??= setInterval(() => this.#onTick(), tickMs);
  }

  /** Its process may have been frozen just now, or be busy. */
  wasSilent(delivery: KeptAlive): boolean {
    this.#noteSilence(delivery, performance.now());
    return delivery.wasSilent;
  }

  release(delivery: KeptAlive): void {
    this.#kept.remove(delivery.keptAs);
  }

  /** Ends every run that is left, and any that still begins. */
  stopAll(error: TroupeError): void {
    this.#stopped = error;
    for (const run of this.#runs) run.stop(error);
  }

  #onTick(): void {
    const now = performance.now();
    for (const run of this.#runs)
      if (run.endsAt <= now) run.stop(this.#stopped ?? run.outOfTime());
    for (const delivery of this.#kept) {
      if (delivery.keepAliveAt > now) continue;
      this.#noteSilence(delivery, now);
      delivery.keepAliveAt = now + this.#everyMs;
      delivery.keepAlive();
    }
    if (this.#runs.size === 0 && this.#kept.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #noteSilence(delivery: KeptAlive, now: number): void {
    if (now - delivery.keepAliveAt > this.#longestSilenceMs)
      delivery.wasSilent = true;
  }
}
