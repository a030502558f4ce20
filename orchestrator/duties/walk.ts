// Goes through a stream, oldest messages first, some at a time. It remembers where it was, and begins again now and
// then, for what it came by may be of interest later.
import { messagesOn, type StoredMessage } from "../../bus/history/stored.js";
import { messageOf } from "../../protocol/errors.js";
import type { DutyHost } from "./duty.js";

interface Walked<Found> {
  stream: string;
  filter: string;
  /** What is to be known of a message. Where it throws that is passed over: whoever may write there may write anything (R7). */
  read(this: void, stored: StoredMessage): Found;
}

export class Walk<Found> {
  readonly #host: DutyHost;
  readonly #of: Walked<Found>;
  #from = 1;
  #beganAt = 0;
  #isThrough = true;

  constructor(host: DutyHost, of: Walked<Found>) {
    this.#host = host;
    this.#of = of;
  }

  /**
   * Of the next messages that are older than this, at most so many: the last on each subject. Having come through, it
   * begins again so often.
   */
  async next(
    most: number,
    olderThan: number,
    againMs: number,
  ): Promise<Found[]> {
    const { link } = this.#host;
    const { stream, filter } = this.#of;
    if (this.#isThrough && link.clock.now() - this.#beganAt >= againMs) {
      this.#beganAt = link.clock.now();
      this.#from = 1;
    }
    const found = new Map<string, Found>();
    let left = most;
    for await (const each of messagesOn(link, stream, filter, this.#from)) {
      if (each.at.getTime() >= olderThan) break;
      this.#add(found, each);
      this.#from = each.sequence + 1;
      if (--left === 0) break;
    }
    this.#isThrough = left > 0;
    return [...found.values()];
  }

  #add(found: Map<string, Found>, stored: StoredMessage): void {
    const { subject } = stored;
    try {
      found.set(subject, this.#of.read(stored));
    } catch (error) {
      this.#host.link.log.debug(
        { subject, error: messageOf(error) },
        "a message that cannot be read was passed over",
      );
    }
  }
}
