// A projection and the feed that keeps it up to date: begun by replaying the newest part of the log, then
// following it.
import { LogFeed, logRange } from "../bus/log-feed.js";
import type { Link } from "../bus/connection.js";
import { TroupeError } from "../protocol/errors.js";
import { Projection } from "./projection.js";
import type { UpToDate } from "./view.js";

/** So long an answer waits for the newest events before it says that it is behind. */
const patienceMs = 1_000;
/** A replay that gives nothing for so long is begun anew. */
const silenceMs = 10_000;

export class Following {
  readonly projection: Projection;
  readonly #feed: LogFeed;
  readonly #link: Link;
  /** The end of the log, as last seen. */
  #last: number;

  private constructor(
    link: Link,
    projection: Projection,
    feed: LogFeed,
    last: number,
  ) {
    this.#link = link;
    this.projection = projection;
    this.#feed = feed;
    this.#last = last;
  }

  /** Resolves when all that is on the log now is folded. `onCut` is told when the log turns out to be another. */
  static async open(
    link: Link,
    window: number,
    onCut: () => void,
  ): Promise<Following> {
    const { first, last } = await logRange(link);
    const from = Math.max(1, first, last - window + 1);
    const prefix = link.subjects.taskEventPrefix;
    const projection = new Projection(window, from - 1, prefix);
    projection.covers(first, from - 1);
    const feed = new LogFeed(link, {
      from,
      onEntry: (entry) => projection.fold(entry),
      onCut,
    });
    const following = new Following(link, projection, feed, last);
    try {
      await following.#recover(last);
      return following;
    } catch (error) {
      await feed.stop();
      throw error;
    }
  }

  /**
   * As it is when all that is on the log now is folded, or when that takes too long. Undefined when the log is
   * not the one that was folded.
   */
  async upToDate(): Promise<UpToDate | undefined> {
    const { to } = this.projection; // before: it goes on while the range is asked for
    const { first, last } = await logRange(this.#link);
    if (last < to) return undefined;
    this.#last = last;
    await this.#feed.reaches(last, patienceMs);
    this.projection.covers(first, this.#feed.position);
    return { projection: this.projection, standing: () => this.#standing() };
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }

  #standing() {
    const { from, to } = this.projection;
    return { from, to, behind: Math.max(0, this.#last - to) };
  }

  /** However long it takes, as long as it gets on. */
  async #recover(last: number): Promise<void> {
    for (;;) {
      const before = this.#feed.position;
      if (await this.#feed.reaches(last, silenceMs)) return;
      if (this.#feed.position === before) throw silent();
    }
  }
}

function silent(): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `the log gave nothing for ${silenceMs} ms although more is there: see whether nats-server is up`,
  );
}
