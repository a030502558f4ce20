// A rate limit that holds over all instances: a token for each task, from a bucket that they share.
//
// 1. Tokens are drawn for tasks that wait, and for those that will come in the next moment if they go on coming
//    as they do: one change of the shared bucket for many tasks when there are many, and one each when there are
//    few.
// 2. A token is good for `goodMs` after it was drawn; what was not used by then is lost. The bucket is made
//    smaller by what could be drawn in that time, so that what *starts* in any span of t stays below
//    limit * t + burst, although tokens are used later than they are drawn.
// 3. A part (tenant, key) is forgotten here a while after its last task, and in the bucket when it is full again.
import { keyOf, Bucket } from "../../bus/buckets/bucket.js";
import { changeShared } from "../../bus/buckets/shared-state.js";
import {
  bucketSchema,
  draw,
  type BucketRules,
  type TokenBucket,
} from "../../bus/buckets/token-bucket.js";
import { formatMs } from "../../protocol/duration.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { TaskFacts } from "../task-context.js";
import type { RateRules } from "./options.js";
import {
  partBy,
  partToken,
  type Leave,
  type Policy,
  type PolicyHost,
} from "./policy.js";
import { Throttle } from "./throttle.js";

const longestGoodMs = 250;
const shortestGoodMs = 20;
const sweepMs = 1_000;
/** Over so long it is told how many tasks pass here. */
const learnMs = 500;
/** A draw that took longer is not used. */
const slowestMs = 1_000;

/** What this instance knows of one part. */
interface Pocket {
  tokens: number;
  /** On the clock that nobody sets. */
  goodUntil: number;
  drawing: boolean;
  /** The last draw gave less than was wanted. */
  isShort: boolean;
  /** No sooner is there a use in drawing again. */
  drawAt: number;
  waking: NodeJS.Timeout | undefined;
  /** Tasks that passed since the last draw, and when that was. */
  used: number;
  drawnAt: number;
  waiting: number;
  /** So many are drawn at once. */
  most: number;
}

export class RatePolicy implements Policy {
  readonly #host: PolicyHost;
  readonly #limit: RateRules;
  readonly #place: string;
  readonly #rules: BucketRules;
  readonly #goodMs: number;
  readonly #bucket: Bucket<TokenBucket>;
  readonly #pockets = new Map<string, Pocket>();
  readonly #throttle: Throttle;
  /** Tasks that passed here in a millisecond, of all parts; and how that is told. */
  #use = 0;
  #passed = 0;
  #learntAt = 0;
  #sweep: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `place` tells the limits of one skill apart. */
  constructor(host: PolicyHost, limit: RateRules, place: number) {
    this.#host = host;
    this.#limit = limit;
    this.#place = String(place);
    const everyMs = limit.perMs / limit.limit;
    this.#goodMs = Math.max(
      shortestGoodMs,
      // Where tokens are few and far between, each that is lost counts.
      Math.min(
        Math.max(longestGoodMs, everyMs / 12),
        (limit.burst * everyMs) / 2,
      ),
    );
    // What is less than a tenth of a token is not worth a whole one of the burst.
    const late = Math.floor(this.#goodMs / everyMs + 0.9);
    const capacity = Math.max(1, limit.burst - late);
    this.#rules = { everyMs, capacity };
    const { link, publisher } = host;
    this.#bucket = new Bucket(
      link,
      publisher,
      link.subjects.buckets.limits,
      bucketSchema,
      { ownTtls: true },
    );
    this.#throttle = new Throttle(host, {
      limit: limit.limit,
      perMs: limit.perMs,
    });
  }

  partOf(input: unknown, task: TaskFacts): string {
    return partBy(this.#limit.by, "rate", input, task);
  }

  /** How many parts it remembers. */
  get parts(): number {
    return this.#pockets.size;
  }

  isFree(part: string): boolean {
    const pocket = this.#pockets.get(part);
    return (
      pocket !== undefined &&
      pocket.tokens > 0 &&
      performance.now() < pocket.goodUntil
    );
  }

  enter(part: string): Leave {
    const pocket = this.#pockets.get(part)!;
    pocket.tokens--;
    pocket.used++;
    this.#passed++;
    return (verdict) => {
      if (verdict === "unused") pocket.tokens++; // good or not, as it was
    };
  }

  wanted(part: string, tasks: number): void {
    const pocket = this.#pocket(part);
    pocket.waiting = tasks;
    if (tasks === 0 || pocket.drawing || pocket.waking || this.#stopped) return;
    const inMs = pocket.drawAt - performance.now();
    if (inMs <= 0) void this.#draw(part, pocket);
    else this.#wakeIn(pocket, inMs);
  }

  waitMs(part: string): number {
    const pocket = this.#pockets.get(part);
    if (!pocket?.isShort) return 0;
    const untilNext = pocket.drawAt - performance.now();
    return Math.max(0, untilNext) + pocket.waiting * this.#rules.everyMs;
  }

  /** This instance's share of the rate, as it was lately; a third of it, so that somebody is always there. */
  spacingMs(): number {
    const { everyMs } = this.#rules;
    if (this.#use === 0) return everyMs;
    return Math.min(16 * everyMs, Math.max(everyMs, 0.33 / this.#use));
  }

  refusal(part: string): TroupeError {
    const { agent, skill } = this.#host;
    const { limit, perMs } = this.#limit;
    const whose = part === "" ? "" : ` for "${part}"`;
    const retryAt = this.#host.link.clock.now() + this.waitMs(part);
    return new TroupeError(
      "LIMIT_REACHED",
      `${agent}.${skill} takes ${limit} in ${formatMs(perMs)}${whose}, and these are used up: try again in ${formatMs(this.waitMs(part))}, or submit a durable task, which waits`,
      { data: { agent, skill, limit, perMs, retryAt } },
    );
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#sweep);
    for (const { waking } of this.#pockets.values()) clearTimeout(waking);
    this.#throttle.stop();
  }

  async #draw(part: string, pocket: Pocket): Promise<void> {
    pocket.drawing = true;
    const { clock } = this.#host;
    let drawnAt = performance.now();
    this.#learn(pocket, drawnAt);
    const foreseen = pocket.waiting + this.#foreseen(pocket, drawnAt);
    const wanted = Math.min(foreseen, pocket.most);
    try {
      const { result } = await changeShared(
        this.#bucket,
        this.#key(part),
        (before) => {
          if (before) clock.advanceTo(before.at);
          const now = clock.now();
          drawnAt = performance.now();
          const result = draw(before, this.#rules, now, wanted);
          const { drawn, nextAt, bucket } = result;
          const ttlMs = bucket.fullAt - now + sweepMs;
          const facts = { drawn, nextInMs: nextAt - now };
          if (drawn === 0) return { state: undefined, result: facts };
          return { state: bucket, result: facts, ttlMs };
        },
      );
      this.#drawn(pocket, drawnAt, wanted, result);
    } catch (error) {
      this.#host.link.log.warn(
        { part, error: messageOf(error) },
        "tokens of a rate limit could not be drawn",
      );
      pocket.drawAt = performance.now() + 1_000;
    }
    pocket.drawing = false;
    this.#host.onFree(); // who still waits asks again
  }

  #drawn(
    pocket: Pocket,
    drawnAt: number,
    wanted: number,
    { drawn, nextInMs }: { drawn: number; nextInMs: number },
  ): void {
    pocket.tokens = drawn;
    const now = performance.now();
    pocket.goodUntil = Math.max(
      drawnAt + this.#goodMs,
      now - drawnAt < Math.max(slowestMs, this.#goodMs)
        ? now + this.#goodMs / 4
        : 0,
    );
    pocket.used = 0;
    pocket.drawnAt = drawnAt;
    const isShort = drawn < wanted;
    pocket.isShort = isShort;
    // While tokens are short, asking for each would only make the instances get in each other's way.
    const { everyMs, capacity } = this.#rules;
    const pauseMs = isShort
      ? Math.min(longestGoodMs, capacity * everyMs * (0.25 + Math.random() / 4))
      : 0;
    pocket.drawAt = drawnAt + Math.max(isShort ? nextInMs : 0, pauseMs);
    if (drawn < pocket.waiting) this.#throttle.begins();
  }

  /** Slots may not be free as fast as tokens come: then fewer are drawn, so that fewer are lost. */
  #learn(pocket: Pocket, now: number): void {
    const { tokens, used, most } = pocket;
    pocket.most =
      tokens > 0 ? Math.max(4, used) : Math.min(Math.ceil(most * 1.25), 1e6);
    const sinceMs = now - this.#learntAt;
    if (sinceMs < learnMs) return;
    this.#use = sinceMs > 4 * learnMs ? 0 : this.#passed / sinceMs;
    this.#passed = 0;
    this.#learntAt = now;
  }

  /** So many will come while the tokens are good, if it goes on as it did since the last draw. */
  #foreseen({ used, drawnAt }: Pocket, now: number): number {
    const sinceMs = Math.max(1, now - drawnAt);
    if (sinceMs > 4 * longestGoodMs) return 0;
    return Math.floor((used / sinceMs) * this.#goodMs * 0.9);
  }

  #wakeIn(pocket: Pocket, ms: number): void {
    pocket.waking = setTimeout(() => {
      pocket.waking = undefined;
      this.#host.onFree();
    }, ms);
  }

  #pocket(part: string): Pocket {
    const known = this.#pockets.get(part);
    if (known) return known;
    const pocket: Pocket = {
      tokens: 0,
      goodUntil: 0,
      drawing: false,
      isShort: false,
      drawAt: 0,
      waking: undefined,
      used: 0,
      drawnAt: 0,
      waiting: 0,
      most: 16,
    };
    this.#pockets.set(part, pocket);
    this.#sweep ??= setInterval(() => this.#forgetIdle(), sweepMs).unref();
    return pocket;
  }

  #forgetIdle(): void {
    const idleSince = performance.now() - sweepMs;
    for (const [part, pocket] of this.#pockets) {
      const { drawing, waking, drawnAt, drawAt } = pocket;
      if (drawing || waking || drawnAt > idleSince || drawAt > idleSince)
        continue;
      this.#pockets.delete(part);
    }
    if (this.#pockets.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #key(part: string): string {
    const { agent, skill } = this.#host;
    return keyOf("rate", agent, skill, this.#place, partToken(part));
  }
}
