// A projection and the feed that keeps it up to date: begun by replaying the newest part of the log, then
// following it.
//
// Folding costs the server and this process some 10 µs an event, which under load the tasks themselves would miss.
// So the feed rests while much goes on and nobody asks. Who asks then gets what came meanwhile; of that, what has
// left the window already is never read.
import { LogFeed, logRange } from "../../bus/history/log-feed.js";
import type { Link } from "../../bus/connection/connection.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { Projection } from "./projection.js";
import type { UpToDate } from "../queries/view.js";

/** So long an answer waits for the newest events before it says that it is behind. */
const patienceMs = 1_000;
/** A replay that gives nothing for so long is begun anew. */
const silenceMs = 10_000;

interface Pace {
  /** With more events than this in a second, and nobody asking, it rests. */
  restAbove: number;
  /** So long it rests, and so long after a question it does not. */
  restMs: number;
}

const defaultPace: Pace = { restAbove: 2_000, restMs: 10_000 };
const tickMs = 1_000;

export class Following {
  readonly #link: Link;
  readonly #window: number;
  readonly #onCut: () => void;
  readonly #pace: Pace;
  #projection!: Projection;
  #feed!: LogFeed;
  /** Replays what the feed after it follows. */
  #replay: LogFeed | undefined;
  /** The end of the log, as last seen. */
  #last = 0;
  #ticks: NodeJS.Timeout | undefined;
  #positionAtTick = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #restsUntil = 0;
  #beginning: Promise<void> | undefined;
  #stopped = false;

  /** `onCut` is told when the log turns out to be another. */
  constructor(
    link: Link,
    window: number,
    onCut: () => void,
    pace = defaultPace,
  ) {
    this.#link = link;
    this.#window = window;
    this.#onCut = onCut;
    this.#pace = pace;
  }

  /** Resolves when all that is on the log now is folded; throws when it was stopped before. */
  async open(): Promise<void> {
    await this.#begin();
    this.#ticks = setInterval(() => this.#tick(), tickMs);
  }

  get projection(): Projection {
    return this.#projection;
  }

  get rests(): boolean {
    return this.#feed.rests;
  }

  /**
   * As it is when all that is on the log now is folded, or when that takes too long. Undefined when the log is
   * not the one that was folded.
   */
  async upToDate(): Promise<UpToDate | undefined> {
    this.#askedAt = performance.now();
    const { to } = this.#projection; // before: it goes on while the range is asked for
    const { first, last } = await logRange(this.#link);
    if (last < to) return undefined;
    this.#last = last;
    await this.#wake(last);
    await this.#feed.reaches(last, patienceMs);
    const projection = this.#projection;
    projection.covers(first, this.#feed.position);
    return { projection, standing: () => this.#standing(projection) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#ticks);
    await this.#replay?.stop();
    await this.#beginning?.catch(() => undefined);
    await (this.#feed as LogFeed | undefined)?.stop();
  }

  #standing({ from, to }: Projection) {
    return { from, to, behind: Math.max(0, this.#last - to) };
  }

  /** All who ask at the same time wait for the same beginning. */
  async #wake(last: number): Promise<void> {
    const isLeftBehind = last - this.#feed.position > this.#window;
    if (this.#feed.rests && isLeftBehind && !this.#stopped)
      this.#beginning ??= this.#begin().finally(
        () => (this.#beginning = undefined),
      );
    else this.#feed.goOn();
    await this.#beginning;
  }

  /** From the first place of the window on, with nothing of what was known before. */
  async #begin(): Promise<void> {
    const link = this.#link;
    const { first, last } = await logRange(link);
    if (this.#stopped) throw link.closedError();
    const from = Math.max(1, first, last - this.#window + 1);
    const prefix = link.subjects.taskEventPrefix;
    const projection = new Projection(this.#window, from - 1, prefix);
    projection.covers(first, from - 1);
    const feed = new LogFeed(link, {
      from,
      onEntry: (entry) => projection.fold(entry),
      onCut: this.#onCut,
    });
    this.#replay = feed;
    try {
      await recovered(feed, last);
    } catch (error) {
      await feed.stop();
      throw error;
    } finally {
      this.#replay = undefined;
    }
    const before = this.#feed as LogFeed | undefined;
    this.#projection = projection;
    this.#feed = feed;
    this.#last = last;
    this.#positionAtTick = feed.position;
    await before?.stop();
  }

  #tick(): void {
    const now = performance.now();
    const came = this.#feed.position - this.#positionAtTick;
    this.#positionAtTick = this.#feed.position;
    const isAsked = now - this.#askedAt < this.#pace.restMs;
    if (this.#feed.rests) {
      if (now >= this.#restsUntil) this.#goOnIfNear(now);
    } else if (!isAsked && came > this.#pace.restAbove) {
      this.#feed.rest();
      this.#restsUntil = now + this.#pace.restMs;
    }
  }

  /** What is further away than the window is read when somebody asks. */
  #goOnIfNear(now: number): void {
    this.#restsUntil = now + this.#pace.restMs;
    logRange(this.#link).then(
      ({ last }) => {
        if (last - this.#feed.position <= this.#window) this.#feed.goOn();
      },
      (error: unknown) =>
        this.#link.log.debug(
          { error: messageOf(error) },
          "the log cannot be followed yet",
        ),
    );
  }
}

/** However long it takes, as long as it gets on. */
async function recovered(feed: LogFeed, last: number): Promise<void> {
  for (;;) {
    const before = feed.position;
    if (await feed.reaches(last, silenceMs)) return;
    if (feed.position === before) throw silent();
  }
}

function silent(): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `the log gave nothing for ${silenceMs} ms although more is there: see whether nats-server is up`,
  );
}
