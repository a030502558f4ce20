// What keeps an instance from doing its work well, and when that is over: its connection is away, the log
// cannot be written, or its event loop is blocked. Its machine is told of the first trouble and of the end of
// the last; the log is told when it can be.
//
// 1. After a reconnect it is well only when it knows the orders of the meantime: an agent that was paused
//    while this instance was cut off is not served by it for a moment.
// 2. The log counts as mended when it has taken an event of ours, and not before.
import type { Link } from "../bus/connection/connection.js";
import type { AgentEventKind } from "../protocol/agent-events.js";
import type { InstanceCard } from "../protocol/card.js";
import { hasCode, messageOf, type ErrorCode } from "../protocol/errors.js";

type Trouble = "connection" | "log" | "event loop";

interface Patient {
  readonly link: Link;
  /** For its machine. */
  step(this: void, event: "troubled" | "recovered"): void;
  /** Asks anew what it is ordered. */
  learnOrders(this: void): Promise<unknown>;
  /** Writes to the log. */
  record(
    this: void,
    kind: AgentEventKind,
    data: Record<string, unknown>,
  ): Promise<unknown>;
  /** An event loop that is busy for longer is blocked. */
  blockedMs: number;
}

const tickMs = 1_000;
const againMs = 250;
const longestPauseMs = 5_000;
/** A minute and more; what then can be pulled at all is better served than left. */
const orderTries = 240;

/** What says that the log itself is in trouble, and not the event that was to be written. */
const ofTheLog: readonly ErrorCode[] = [
  "WAIT_TIMED_OUT",
  "STREAM_FULL",
  "BUS_FAILED",
  "PERMISSION_DENIED",
];

export class Health {
  readonly #of: Patient;
  readonly #troubles = new Map<Trouble, { since: number; why: string }>();
  #timer: NodeJS.Timeout | undefined;
  #forget: (() => void) | undefined;
  #stopped = false;
  /** Only the newest connection's orders count. */
  #connections = 0;

  constructor(of: Patient) {
    this.#of = of;
  }

  /** Why it is degraded; nothing when it is well. */
  get onCard(): Pick<InstanceCard, "troubles"> {
    const troubles = Array.from(
      this.#troubles,
      ([trouble, { why }]) => `${trouble}: ${why}`,
    );
    return troubles.length === 0 ? {} : { troubles };
  }

  start(): void {
    const { link, blockedMs } = this.#of;
    this.#forget = link.onState((state) => {
      if (state === "connected") void this.#reconnected();
      else if (state === "reconnecting") this.#begin("connection", "lost");
    });
    if (!link.connected) this.#begin("connection", "lost");
    let last = performance.now();
    this.#timer = setInterval(() => {
      const late = performance.now() - last - tickMs;
      last = performance.now();
      if (late >= blockedMs)
        this.#begin("event loop", `blocked for ${Math.round(late)}ms`);
      else this.#end("event loop");
    }, tickMs);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#forget?.();
  }

  /** An event could not be written, or the history not be read. */
  logFailed(error: unknown): void {
    if (!hasCode(error, ...ofTheLog)) return;
    if (this.#begin("log", error.message)) void this.#untilWritten();
  }

  async #untilWritten(): Promise<void> {
    for (let pauseMs = againMs; !this.#stopped; pauseMs *= 2) {
      await pause(Math.min(pauseMs, longestPauseMs));
      try {
        await this.#tellOf("log");
        return this.#recover("log");
      } catch {
        // The next try shows whether it is over.
      }
    }
  }

  async #reconnected(): Promise<void> {
    const connection = ++this.#connections;
    const { link, learnOrders } = this.#of;
    const isNewest = () =>
      connection === this.#connections && link.connected && !this.#stopped;
    for (let tries = 1; isNewest(); tries++) {
      try {
        await learnOrders();
        if (isNewest()) this.#end("connection");
        return;
      } catch (error) {
        const said = { error: messageOf(error) };
        if (tries === orderTries && isNewest()) {
          link.log.warn(said, "cannot see whether it is paused; it goes on");
          return this.#end("connection");
        }
        link.log.debug(said, "cannot see yet whether it is paused");
        await pause(againMs);
      }
    }
  }

  /** False when that is known. */
  #begin(trouble: Trouble, why: string): boolean {
    if (this.#stopped || this.#troubles.has(trouble)) return false;
    this.#troubles.set(trouble, { since: performance.now(), why });
    this.#of.step("troubled");
    return true;
  }

  #end(trouble: Trouble): void {
    if (!this.#troubles.has(trouble)) return;
    this.#tellOf(trouble).catch((error: unknown) => this.logFailed(error));
    this.#recover(trouble);
  }

  #recover(trouble: Trouble): void {
    this.#troubles.delete(trouble);
    if (this.#troubles.size === 0) this.#of.step("recovered");
  }

  async #tellOf(trouble: Trouble): Promise<void> {
    const { since, why } = this.#troubles.get(trouble)!;
    const forMs = Math.round(performance.now() - since);
    await this.#of.record("recovered", { trouble, why, forMs });
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());
