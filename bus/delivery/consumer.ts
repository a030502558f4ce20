// The priority consumer: one pull source a level, and as many deliveries in hand as there are slots.
//
// 1. In hand and asked for together never exceed the slots, but for one parked request a source, so that
//    the first message of a quiet level comes without delay. What a parked request brings over the slots
//    waits here, is served first, and goes back to the others when no slot frees soon.
// 2. Every source that may be served has a request at the server, or a backlog and no free slot. So nothing
//    stays unnoticed: each change (a message, a status, a free slot, a reconnect) leads to `#refill`.
import type { Link } from "../connection/connection.js";
import type { Delivery } from "./delivery.js";
import { CreditSplitter } from "./priority.js";
import { PullSource, type PullConsumer } from "./pull.js";

/** Pulls no more from one consumer; what was asked of it and still comes is taken. */
export type Release = () => Promise<void>;

interface Waiting {
  delivery: Delivery;
  rank: number;
  since: number;
}

const tickMs = 1_000;
const returnAfterMs = 1_000;

export class PriorityConsumer {
  readonly #link: Link;
  readonly #slots: number;
  readonly #take: (delivery: Delivery) => void;
  readonly #sources: PullSource[] = [];
  readonly #weights: number[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #tick: NodeJS.Timeout;
  #splitter = new CreditSplitter([]);
  #inHand = 0;
  #refilling = false;
  #state: "running" | "paused" | "stopped" = "running";

  /** `take` is called for each delivery, with at most `slots` of them not released. */
  constructor(link: Link, slots: number, take: (delivery: Delivery) => void) {
    this.#link = link;
    this.#slots = slots;
    this.#take = take;
    this.#tick = setInterval(() => this.#onTick(), tickMs);
  }

  add(consumer: PullConsumer, weight: number): Release {
    if (this.#state === "stopped") return () => Promise.resolve();
    const rank = this.#sources.length;
    const source = new PullSource(
      this.#link,
      consumer,
      (delivery) => this.#received(delivery, rank),
      () => this.#refillSoon(),
    );
    this.#sources.push(source);
    this.#weights.push(weight);
    this.#splitter = new CreditSplitter(this.#weights);
    this.#refillSoon();
    return () => this.#remove(source);
  }

  #remove(source: PullSource): Promise<void> {
    const at = this.#sources.indexOf(source);
    if (at < 0) return Promise.resolve();
    this.#sources.splice(at, 1);
    this.#weights.splice(at, 1);
    this.#splitter = new CreditSplitter(this.#weights);
    return source.stop();
  }

  /** One more may be taken without a delivery of its own: for one that gave its slot back while it waited. */
  get hasFreeSlot(): boolean {
    return this.#state === "running" && this.#inHand < this.#slots;
  }

  takeSlot(): void {
    this.#inHand++;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** A delivery that was taken is done with: its slot is free. */
  release(): void {
    this.#inHand--;
    if (this.#waiting.length > 0 && this.#state === "running")
      this.#takeWaiting();
    this.#refillSoon();
  }

  /** What the server sent before it heard of this goes back to the others at once; it sends nothing more. */
  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    for (const source of this.#sources) void source.shut();
    // What is said while the connection is away may get lost, and then they would wait for their ackWait.
    if (this.#link.connected) this.#returnWaiting(Number.POSITIVE_INFINITY);
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#takeWaiting();
    this.#refillSoon();
  }

  /** Takes nothing more; what was asked for and arrives goes back to the others at once. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    clearInterval(this.#tick);
    this.#returnWaiting(Number.POSITIVE_INFINITY);
    await Promise.all(this.#sources.map((source) => source.stop()));
  }

  #received(delivery: Delivery, rank: number): void {
    if (this.#state !== "running") return delivery.retryIn(0);
    if (this.#inHand < this.#slots) {
      this.#inHand++;
      this.#take(delivery);
    } else {
      this.#waiting.push({ delivery, rank, since: performance.now() });
      this.#waiting.sort((a, b) => a.rank - b.rank);
    }
    this.#refillSoon();
  }

  #takeWaiting(): void {
    while (this.#inHand < this.#slots) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#inHand++;
      this.#take(next.delivery);
    }
  }

  #returnWaiting(before: number): void {
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      const { delivery, since } = this.#waiting[at]!;
      if (since > before) continue;
      this.#waiting.splice(at, 1);
      delivery.retryIn(0);
    }
  }

  #onTick(): void {
    const now = performance.now();
    this.#returnWaiting(now - returnAfterMs);
    for (const source of this.#sources) source.giveUpLost(now);
    this.#refillSoon(); // whatever should have led to it and did not
  }

  /** Once a turn of the event loop is enough: what is released in one turn is asked for together. */
  #refillSoon(): void {
    if (this.#refilling || this.#state !== "running") return;
    this.#refilling = true;
    setImmediate(() => {
      this.#refilling = false;
      if (this.#state === "running" && this.#link.connected) this.#refill();
    });
  }

  #refill(): void {
    let free = this.#slots - this.#inHand - this.#waiting.length;
    for (const source of this.#sources) free -= source.credits;
    if (free <= 0) return;
    const now = performance.now();
    const wants = this.#sources.map((source) => wantOf(source, now));
    const given = this.#splitter.split(free, wants);
    for (const [at, source] of this.#sources.entries()) {
      if (given[at]! > 0) source.pull(given[at]!);
      else if (
        wants[at] === 0 &&
        source.credits === 0 &&
        !source.parked &&
        source.troubledUntil <= now
      )
        source.park();
    }
  }
}

function wantOf(source: PullSource, now: number): number {
  if (source.parked || source.troubledUntil > now) return 0;
  // Out of turn it waits without a credit, which would be kept from those whose turn it is.
  if ((source.consumer.rank?.() ?? 0) > 0) return 0;
  const inFlightLimit =
    source.consumer.maxInHand === -1
      ? Number.POSITIVE_INFINITY
      : source.consumer.maxInHand;
  return Math.max(0, Math.min(source.backlog, inFlightLimit) - source.credits);
}
