// Who of several leads: one key of a bucket, which its holder writes again and again, and which the server
// removes when it did not. Taking, renewing and giving back are compare-and-set, so the server decides.
//
// 1. The holder believes in its lease for `leaseMs` from when it began the last renewal that was stored. That
//    is not later than the server's own count, and ends it without a word from anyone.
// 2. Time is counted steadily, never by the date: a clock that is set neither ends a lease nor keeps one.
// 3. Who was frozen and wakes up finds its time over before anything else: every look at `held` is a look at
//    the time. What it did not get to look at, the fence refuses (see term.ts).
// 4. A revision that was not written anew for `leaseMs` since it was heard of may be taken over, though the
//    server has not removed it: if it was renewed after all, it is another revision and the taking is refused.
import { z } from "zod";
import {
  Bucket,
  type Change,
  type Entry,
  type Watching,
} from "../../bus/buckets/bucket.js";
import type { Link } from "../../bus/connection/connection.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import { isConflict, messageOf } from "../../protocol/errors.js";

const claim = z.object({
  /** The instance that leads. */
  holder: z.string(),
  /** Counts its writes, so that it knows its own again. */
  beat: z.number(),
});
type Claim = z.infer<typeof claim>;

/** A holder that is silent for so long has lost it; the server cannot do less than a second. */
export const leaseMs = 2_000;
export const renewMs = 600;

interface LeaseListener {
  /** `term` grows with each taking. */
  taken(this: void, term: number): void;
  lost(this: void, why: string): void;
}

interface Mine {
  term: number;
  revision: number;
  renewedAt: number;
}

const key = "orchestrator";
const tickMs = 100;

export class Lease {
  readonly holder: string;
  readonly #link: Link;
  readonly #bucket: Bucket<Claim>;
  readonly #listener: LeaseListener;
  #watching: Watching | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> | undefined;
  #beat = 0;
  #pausedUntil = 0;
  /** A taking that began before the last of them does not count. */
  #releases = 0;
  #isOver = false;
  #seen: { entry: Entry<Claim> | undefined; at: number } | undefined;
  #mine: Mine | undefined;

  constructor(
    link: Link,
    publisher: Publisher,
    holder: string,
    listener: LeaseListener,
  ) {
    this.#link = link;
    this.holder = holder;
    this.#listener = listener;
    const ttl = { ttlMs: leaseMs };
    const name = link.subjects.buckets.leases;
    this.#bucket = new Bucket(link, publisher, name, claim, ttl);
  }

  /** Takes part from now on. Resolves when it knows who leads. */
  async start(): Promise<void> {
    const watching = await this.#bucket.watch(key, (change) =>
      this.#heard(change),
    );
    if (this.#isOver) return watching.stop();
    this.#watching = watching;
    this.#seen ??= { entry: undefined, at: performance.now() };
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#tick();
  }

  /** The term for which it is held; undefined when it is not, or no longer. */
  get held(): number | undefined {
    const mine = this.#mine;
    if (!mine) return undefined;
    const age = performance.now() - mine.renewedAt;
    if (age < leaseMs) return mine.term;
    this.#lose(
      `it was not renewed for ${Math.round(age)} ms: frozen, or cut off`,
    );
    return undefined;
  }

  /** Who leads, as last heard. */
  get leader(): string | undefined {
    return this.#mine ? this.holder : this.#seen?.entry?.value.holder;
  }

  /**
   * Gives it back, so that another may take it at once, and does not take it itself for a while. Where that cannot be
   * said, others take it when it was not renewed for long.
   */
  async release(pauseMs = 0): Promise<void> {
    const mayBeMine = this.#mine !== undefined || this.#busy !== undefined;
    this.#mine = undefined;
    this.#releases++;
    this.#pausedUntil = performance.now() + pauseMs;
    await this.#busy;
    if (!mayBeMine || !this.#link.connected) return;
    try {
      await this.#giveBack();
    } catch (error) {
      this.#link.log.debug(
        { error: messageOf(error) },
        "the lease could not be given back",
      );
    }
  }

  /** After a pause, takes part again. */
  resume(): void {
    this.#pausedUntil = 0;
  }

  /** Takes no part any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.release();
    if (this.#link.connected) await this.#watching?.stop();
  }

  async #giveBack(): Promise<void> {
    const stored = await this.#bucket.get(key);
    if (stored?.value.holder === this.holder)
      await this.#bucket.delete(key, stored.revision).catch(unlessConflict);
  }

  #heard({ entry }: Change<Claim>): void {
    this.#seen = { entry, at: performance.now() };
    if (!entry) return this.#tick();
    const { holder } = entry.value;
    if (this.#mine && holder !== this.holder)
      if (entry.revision > this.#mine.revision)
        this.#lose(`"${holder}" has taken it`);
  }

  #tick(): void {
    void this.held;
    if (this.#busy || !this.#timer || !this.#link.connected) return;
    const work = this.#mine ? this.#renewal() : this.#claiming();
    if (!work) return;
    this.#busy = work
      .catch((error: unknown) =>
        this.#link.log.debug(
          { error: messageOf(error) },
          "the lease could not be written; it is tried again",
        ),
      )
      .finally(() => (this.#busy = undefined));
  }

  #renewal(): Promise<void> | undefined {
    const { renewedAt } = this.#mine!;
    if (performance.now() - renewedAt < renewMs) return undefined;
    return this.#renew(this.#mine!);
  }

  async #renew(mine: Mine): Promise<void> {
    const sentAt = performance.now();
    const revision = await this.#write(mine.revision);
    if (this.#mine !== mine) return;
    if (revision === undefined) return this.#lose("another has taken it");
    mine.revision = revision;
    mine.renewedAt = sentAt;
  }

  /** Only where nobody holds it, or who did is silent. */
  #claiming(): Promise<void> | undefined {
    if (performance.now() < this.#pausedUntil) return undefined;
    const { entry, at } = this.#seen!;
    const isSilent =
      !entry ||
      entry.value.holder === this.holder || // of a term that was lost
      performance.now() - at >= leaseMs;
    return isSilent ? this.#take(entry?.revision) : undefined;
  }

  async #take(from: number | undefined): Promise<void> {
    const sentAt = performance.now();
    const releases = this.#releases;
    const revision = await this.#write(from);
    if (revision === undefined || releases !== this.#releases) return;
    this.#mine = { term: revision, revision, renewedAt: sentAt };
    if (this.held !== undefined) this.#listener.taken(revision);
  }

  /** The new revision; undefined when another was first. */
  async #write(from: number | undefined): Promise<number | undefined> {
    const value = { holder: this.holder, beat: ++this.#beat };
    try {
      return from === undefined
        ? await this.#bucket.create(key, value)
        : await this.#bucket.update(key, value, from);
    } catch (error) {
      if (!isConflict(error)) throw error;
      // After a reconnect it may be our own write that was there first.
      const entry = await this.#bucket.get(key);
      this.#seen = { entry, at: performance.now() };
      const { holder, beat } = entry?.value ?? {};
      return holder === this.holder && beat === value.beat
        ? entry!.revision
        : undefined;
    }
  }

  #lose(why: string): void {
    this.#mine = undefined;
    this.#listener.lost(why);
  }
}

function unlessConflict(error: unknown): void {
  if (!isConflict(error)) throw error;
}
