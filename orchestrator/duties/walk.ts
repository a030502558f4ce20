// Goes through a stream, oldest messages first, some at a time. It remembers where it was, and begins again now and
// then, for what it came by may be of interest later.
import { messagesOn, type StoredMessage } from "../../bus/history/stored.js";
import { messageOf } from "../../protocol/errors.js";
import type { DutyHost } from "./duty.js";

export class Walk<Found> {
  readonly #host: DutyHost;
  readonly #stream: string;
  readonly #filter: string;
  readonly #read: (stored: StoredMessage) => Found;
  #from = 1;
  #beganAt = 0;

  /** What `read` throws at is passed over: whoever may write there may write anything (R7). */
  constructor(
    host: DutyHost,
    stream: string,
    filter: string,
    read: (stored: StoredMessage) => Found,
  ) {
    this.#host = host;
    this.#stream = stream;
    this.#filter = filter;
    this.#read = read;
  }

  /** What it finds in the next messages that are older than this, in at most so many. It begins again so often. */
  async next(
    most: number,
    olderThan: number,
    againMs: number,
  ): Promise<Found[]> {
    const { link } = this.#host;
    this.#beginAgain(link.clock.now(), againMs);
    const found: Found[] = [];
    let read = 0;
    const from = this.#from;
    for await (const each of messagesOn(
      link,
      this.#stream,
      this.#filter,
      from,
    )) {
      if (each.at.getTime() >= olderThan) break;
      this.#add(found, each);
      this.#from = each.sequence + 1;
      if (++read >= most) break;
    }
    return found;
  }

  #beginAgain(now: number, everyMs: number): void {
    if (now - this.#beganAt < everyMs) return;
    this.#beganAt = now;
    this.#from = 1;
  }

  #add(found: Found[], stored: StoredMessage): void {
    try {
      found.push(this.#read(stored));
    } catch (error) {
      const { subject } = stored;
      this.#host.link.log.debug(
        { subject, error: messageOf(error) },
        "a message that cannot be read was passed over",
      );
    }
  }
}
