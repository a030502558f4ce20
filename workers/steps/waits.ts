// What a handler waits for, and when it is to leave its worker for that.
import { longestTimerMs } from "../../protocol/duration.js";
import type { Operation } from "./tape.js";

/** A wait that is over within this time is spent in the worker. */
export const momentMs = 1_000;

export interface Wait {
  /** When it is over in any case, on the server's clock; undefined where nobody knows. */
  until: number | undefined;
  /** In words. */
  what: string;
  /** Only somebody else can give it. */
  asks?: boolean;
  /** Its time has come. */
  due(): void;
  /** What it waits for may have happened unheard. Left out where only time can end it. */
  hasHappened?(): Promise<boolean>;
}

export interface WaitsHost {
  now(this: void): number;
  /** Whether the handler does nothing but wait. */
  isIdle(this: void): boolean;
  park(this: void, until: number, waitsFor: string, asks: boolean): void;
  /** It waits for others, and needs no slot; or goes on. */
  idle(this: void, isIdle: boolean): void;
  readonly canPark: boolean;
}

export class Waits {
  // Not the literal that they come in (docs/decisions/0032-what-lives-as-long-as-a-task.md).
  readonly #now: WaitsHost["now"];
  readonly #hostIsIdle: WaitsHost["isIdle"];
  readonly #park: WaitsHost["park"];
  readonly #tellIdle: WaitsHost["idle"];
  readonly #canPark: boolean;
  readonly #waits = new Map<Operation, Wait>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #idleSince: number | undefined;
  /** While it was being parked something that it waits for happened, and nobody was there any more to hear of it. */
  #missed = false;
  #parking = false;
  #isStopped = false;

  constructor(host: WaitsHost) {
    this.#now = host.now;
    this.#hostIsIdle = host.isIdle;
    this.#park = host.park;
    this.#tellIdle = host.idle;
    this.#canPark = host.canPark;
  }

  add(operation: Operation, wait: Wait): void {
    if (this.#isStopped) return; // nothing is waited for any more
    this.#waits.set(operation, wait);
    this.look();
  }

  /** Whether it was still waited for. */
  remove(operation: Operation): boolean {
    const was = this.#waits.delete(operation);
    if (was) this.look();
    if (was && this.#parking) this.#missed = true;
    return was;
  }

  /** Something has changed: see, when all that follows from it has happened. */
  look(): void {
    if (this.#looking || this.#isUnused) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      this.#look();
    });
  }

  /** What only time can end is not over; the rest is looked at. */
  async anyOver(): Promise<boolean> {
    if (this.#missed) return true;
    const looks = [...this.#waits.values()].map(
      (wait) => wait.hasHappened?.() ?? Promise.resolve(false),
    );
    return (await Promise.all(looks)).includes(true) || this.#missed;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#waits.clear();
    this.#setIdle(false);
  }

  get #isUnused(): boolean {
    return this.#waits.size === 0 && this.#idleSince === undefined;
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = this.#now();
    const isIdle = this.#hostIsIdle() && this.#waits.size > 0;
    this.#setIdle(isIdle);
    if (this.#endDue(now)) return this.look(); // it does not only wait any more
    if (this.#waits.size === 0) return;
    const waits = [...this.#waits.values()];
    const first = Math.min(...waits.map(({ until = Infinity }) => until));
    const parkAt = isIdle ? this.#parkAt(waits, first) : Infinity;
    if (parkAt <= now) {
      const asking = waits.filter((wait) => wait.asks === true);
      const others = waits.filter((wait) => wait.asks !== true);
      // What somebody is to give stands first: the rest may be cut off where it is shown.
      const what = [...asking, ...others]
        .map((wait) => wait.what)
        .join(", or ");
      this.#parking = true;
      const asks = asking.length > 0;
      return this.#park(first, what, asks);
    }
    const next = Math.min(first, parkAt) - now;
    if (next === Infinity) return;
    this.#timer = setTimeout(
      () => this.#look(),
      Math.max(1, Math.min(next, longestTimerMs)),
    );
  }

  /** Whether any was. */
  #endDue(now: number): boolean {
    let any = false;
    for (const [operation, wait] of this.#waits)
      if (wait.until !== undefined && wait.until <= now) {
        any = true;
        this.#waits.delete(operation);
        wait.due();
      }
    return any;
  }

  /** What has a known end is waited for elsewhere at once; for the rest a moment is spent. */
  #parkAt(waits: Wait[], first: number): number {
    if (!this.#canPark) return Infinity;
    const isKnown = waits.every((wait) => wait.hasHappened === undefined);
    if (isKnown) return first - this.#now() > momentMs ? 0 : Infinity;
    return this.#idleSince! + momentMs;
  }

  #setIdle(isIdle: boolean): void {
    if (isIdle === (this.#idleSince !== undefined)) return;
    this.#idleSince = isIdle ? this.#now() : undefined;
    this.#tellIdle(isIdle);
  }
}
