// A bulkhead over all instances of an agent: they share permits (bus/buckets/permits.ts) in a bucket.
//
// 1. A task starts only with a permit that this instance holds, so together they never do more than the limit,
//    as long as each is heard of within the time to live. Who is not (killed, cut off) loses its permits.
// 2. A claim that is on its way may be stored already: until it is known, no more start than it leaves.
// 3. An instance takes permits for tasks that wait, keeps them from task to task while tasks go on coming, and
//    gives up what it does not use when another waits or when none came for a moment.
import { Bucket, keyOf, type Watching } from "../../bus/buckets/bucket.js";
import {
  claim,
  heldBy,
  isWaitedFor,
  nextEnd,
  permitsSchema,
  type Permits,
} from "../../bus/buckets/permits.js";
import { changeShared } from "../../bus/buckets/shared-state.js";
import { messageOf, type TroupeError } from "../../protocol/errors.js";
import { decodeToken } from "../../protocol/tokens.js";
import type { TaskFacts } from "../task-context.js";
import { full } from "./at-once.js";
import type { AtOnceRules } from "./options.js";
import {
  partBy,
  partToken,
  type Leave,
  type Policy,
  type PolicyHost,
} from "./policy.js";
import { Throttle } from "./throttle.js";

/** Permits that nobody uses are kept for so long. */
const keptMs = 250;

interface Share {
  token: string;
  permits: Permits | undefined;
  revision: number;
  uses: number;
  waiting: number;
  /** When a task last came or went. */
  movedAt: number;
  /** When what is held must be renewed. */
  renewAt: number;
  claiming: boolean;
  /** So many are left to it by the claim that is on its way. */
  ceiling: number;
  again: boolean;
}

export class SharedAtOncePolicy implements Policy {
  readonly #host: PolicyHost;
  readonly #rules: AtOnceRules;
  readonly #bucket: Bucket<Permits>;
  readonly #prefix: string;
  readonly #shares = new Map<string, Share>();
  readonly #throttle: Throttle;
  #watching: Watching | undefined;
  #tick: NodeJS.Timeout | undefined;
  #claims = new Set<Promise<void>>();
  #stopped = false;

  /** `place` tells the limits of one skill apart. */
  constructor(host: PolicyHost, rules: AtOnceRules, place: number) {
    this.#host = host;
    this.#rules = rules;
    const { link, publisher, agent, skill } = host;
    this.#bucket = new Bucket(
      link,
      publisher,
      link.subjects.buckets.limits,
      permitsSchema,
      { ownTtls: true },
    );
    this.#prefix = keyOf("permits", agent, skill, String(place));
    this.#throttle = new Throttle(host, {
      atOnce: rules.limit,
      shared: true,
    });
  }

  async start(): Promise<void> {
    this.#watching = await this.#bucket.watch(
      `${this.#prefix}.*`,
      ({ key, entry }) => {
        const token = decodeToken(
          key.slice(this.#prefix.length + 1).replaceAll("=", "%"),
        );
        for (const share of this.#shares.values())
          if (share.token === token)
            this.#heard(share, entry?.value, entry?.revision ?? share.revision);
      },
    );
    this.#tick = setInterval(() => this.#onTick(), keptMs);
  }

  partOf(input: unknown, task: TaskFacts): string {
    return partBy(this.#rules.by, "atOnce", input, task);
  }

  /** How many parts it remembers. */
  get parts(): number {
    return this.#shares.size;
  }

  isFree(part: string): boolean {
    const share = this.#shares.get(part);
    return share !== undefined && this.#hasFree(share);
  }

  enter(part: string): Leave {
    const share = this.#shares.get(part)!;
    share.uses++;
    share.movedAt = performance.now();
    return () => {
      share.uses--;
      share.movedAt = performance.now();
      if (this.#isWaitedFor(share)) this.#claim(share);
      this.#host.onFree();
    };
  }

  wanted(part: string, tasks: number): void {
    const share = this.#share(part);
    const isNew = share.waiting !== tasks;
    share.waiting = tasks;
    share.movedAt = performance.now();
    if (isNew) this.#claim(share);
  }

  waitMs(): number {
    return 100;
  }

  spacingMs(): number {
    return 10;
  }

  refusal(part: string): TroupeError {
    return full(this.#host, this.#rules, part);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#tick);
    this.#throttle.stop();
    if (!this.#host.link.connected) return;
    for (const share of this.#shares.values()) {
      share.waiting = 0;
      if (this.#held(share) > 0 || this.#isListed(share)) this.#claim(share);
    }
    await Promise.all(this.#claims);
    await this.#watching?.stop();
  }

  #now(): number {
    return this.#host.clock.now();
  }

  /** What is being given up counts as given up already: it may be stored by now, and taken by another. */
  #hasFree(share: Share): boolean {
    return share.uses < Math.min(this.#held(share), share.ceiling);
  }

  /** What ran out for lack of news is not held any more. */
  #held({ permits }: Share): number {
    const mine = permits?.[this.#host.instance];
    return mine && mine.until > this.#now() ? mine.holds : 0;
  }

  #isListed({ permits }: Share): boolean {
    return permits?.[this.#host.instance] !== undefined;
  }

  #share(part: string): Share {
    const known = this.#shares.get(part);
    if (known) return known;
    const share: Share = {
      token: partToken(part),
      permits: undefined,
      revision: 0,
      uses: 0,
      waiting: 0,
      movedAt: 0,
      renewAt: 0,
      claiming: false,
      ceiling: Number.POSITIVE_INFINITY,
      again: false,
    };
    this.#shares.set(part, share);
    return share;
  }

  #claim(share: Share): void {
    if (share.claiming) {
      share.again = true;
      return;
    }
    share.claiming = true;
    const claiming = this.#claimNow(share)
      .catch((error: unknown) =>
        this.#host.link.log.warn(
          { part: share.token, error: messageOf(error) },
          "permits of a shared limit could not be claimed",
        ),
      )
      .finally(() => {
        share.claiming = false;
        this.#claims.delete(claiming);
        if (!share.again) return;
        share.again = false;
        this.#claim(share);
      });
    this.#claims.add(claiming);
  }

  async #claimNow(share: Share): Promise<void> {
    const { instance, clock, patienceMs: ttlMs } = this.#host;
    const { limit } = this.#rules;
    const key = `${this.#prefix}.${keyOf(share.token)}`;
    const { state, revision } = await changeShared(
      this.#bucket,
      key,
      (before) => {
        const { uses, waiting } = share;
        const wants = uses + waiting;
        const asked = { instance, uses, wants, limit, ttlMs };
        return {
          state: this.#pledge(share, claim(before, asked, clock.now())),
          result: 0,
          ttlMs: 2 * ttlMs,
        };
      },
    );
    share.renewAt = performance.now() + ttlMs / 3;
    share.ceiling = Number.POSITIVE_INFINITY;
    this.#heard(share, state, revision);
    if (heldBy(state, instance) < share.uses + share.waiting)
      this.#throttle.begins();
  }

  #pledge(share: Share, next: Permits): Permits {
    share.ceiling = heldBy(next, this.#host.instance);
    return next;
  }

  #heard(share: Share, permits: Permits | undefined, revision: number): void {
    if (revision < share.revision) return;
    const before = this.#heldByOthers(share);
    share.revision = revision;
    share.permits = permits;
    if (this.#hasFree(share)) this.#host.onFree();
    const spare = this.#held(share) - share.uses - share.waiting;
    const isFreed = spare < 0 && this.#heldByOthers(share) < before;
    if (isFreed || (spare > 0 && this.#isWaitedFor(share))) this.#claim(share);
  }

  #isWaitedFor({ permits }: Share): boolean {
    return isWaitedFor(permits, this.#host.instance, this.#now());
  }

  #heldByOthers({ permits }: Share): number {
    return Object.entries(permits ?? {})
      .filter(([name]) => name !== this.#host.instance)
      .reduce((total, [, { holds }]) => total + holds, 0);
  }

  #onTick(): void {
    const now = performance.now();
    for (const [part, share] of this.#shares) {
      const isIdle = share.uses + share.waiting === 0;
      const isOver = isIdle && now - share.movedAt >= keptMs;
      const isUnlisted = !this.#isListed(share) && !share.claiming;
      if (isOver && isUnlisted) this.#shares.delete(part);
      else if (isOver || this.#isDue(share, now)) this.#claim(share);
    }
  }

  /** To renew what is held, or to take over from one that is not heard of any more. */
  #isDue(share: Share, now: number): boolean {
    if (this.#stopped || share.claiming) return false;
    if (this.#isListed(share) && now >= share.renewAt) return true;
    const { permits } = share;
    const isShort = this.#held(share) < share.uses + share.waiting;
    const end = nextEnd(permits, this.#host.instance, 0);
    return isShort && end <= this.#now();
  }
}
