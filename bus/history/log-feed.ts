// Follows the log from one place on, at the server's full speed and for as long as the connection lives.
//
// 1. Every message that the log holds from that place on is handed over once and in order.
// 2. `position` says how far that is: what stands on the log up to there has been handed over, or was deleted.
// 3. A feed that rests asks for nothing, and goes on where it was.
// 4. A log that is shorter than what was handed over was replaced: `onCut` is told, and nothing more comes.
import {
  DeliverPolicy,
  type ConsumerMessages,
  type JsMsg,
} from "@nats-io/jetstream";
import type { Msg } from "@nats-io/transport-node";
import { messageOf } from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";
import { reading } from "../connection/reading.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";
import { steadyTime } from "../connection/server-clock.js";

export interface LogEntry {
  subject: string;
  sequence: number;
  /** When the server stored it, in milliseconds. */
  at: number;
  headers: Headers;
  body: Uint8Array;
}

interface LogFeedOptions {
  /** The first place that is wanted. */
  from: number;
  /** What it throws is logged, and the entry passed over. */
  onEntry(this: void, entry: LogEntry): void;
  onCut(this: void): void;
}

/** The places of the log that are there; none when the first is greater than the last. */
interface LogRange {
  first: number;
  last: number;
}

interface Wait {
  readonly position: number;
  settle(this: void, inTime: boolean): void;
}

const pageSize = 8_192;
const tryAgainMs = 250;

export class LogFeed {
  position: number;
  readonly #link: Link;
  readonly #options: LogFeedOptions;
  readonly #forgetReconnect: () => void;
  readonly #waiting = new Set<Wait>();
  #messages: ConsumerMessages | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** A newer one takes over from an older whose connection broke. */
  #round = 0;
  #stopped = false;
  #rests = false;

  constructor(link: Link, options: LogFeedOptions) {
    this.#link = link;
    this.#options = options;
    this.position = options.from - 1;
    this.#forgetReconnect = link.onReconnect(() => this.#begin());
    this.#begin();
  }

  get rests(): boolean {
    return this.#rests;
  }

  rest(): void {
    this.#rests = true;
    this.#round++;
    clearTimeout(this.#retry);
    const messages = this.#messages;
    this.#messages = undefined;
    void messages?.close().catch(() => undefined); // with the connection, it is gone anyway
  }

  goOn(): void {
    if (!this.#rests) return;
    this.#rests = false;
    this.#begin();
  }

  /** False when it does not get there in time, or is stopped. */
  reaches(position: number, withinMs: number): Promise<boolean> {
    if (this.position >= position) return Promise.resolve(true);
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (inTime: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wait);
        resolve(inTime);
      };
      const timer = setTimeout(settle, withinMs, false);
      const wait = { position, settle };
      this.#waiting.add(wait);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#forgetReconnect();
    clearTimeout(this.#retry);
    for (const { settle } of this.#waiting) settle(false);
    const messages = this.#messages;
    this.#messages = undefined;
    if (messages && this.#link.connected) await messages.close();
  }

  #begin(): void {
    if (this.#stopped || this.#rests) return;
    clearTimeout(this.#retry);
    const round = ++this.#round;
    this.#messages?.stop();
    this.#messages = undefined;
    this.#consume(round).catch((error: unknown) => {
      if (round !== this.#round || this.#stopped) return;
      this.#link.log.debug(
        { error: messageOf(error) },
        "the log cannot be followed yet",
      );
      this.#retry = setTimeout(() => this.#begin(), tryAgainMs);
    });
  }

  async #consume(round: number): Promise<void> {
    const { last } = await logRange(this.#link);
    if (round !== this.#round || this.#stopped) return;
    if (last < this.position) return this.#options.onCut();
    const consumer = await this.#link.js.consumers.get(
      this.#link.subjects.streams.events,
      {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: this.position + 1,
      },
    );
    const nothingThere = (await consumer.info(true)).num_pending === 0;
    const messages = await consumer.consume({
      max_messages: pageSize,
      callback: (msg) => {
        if (round === this.#round && !this.#stopped) this.#received(msg);
      },
    });
    if (round !== this.#round || this.#stopped) return messages.stop();
    this.#messages = messages;
    if (nothingThere) this.#reached(last);
  }

  #received(msg: JsMsg): void {
    const { streamSequence, timestampNanos } = msg.info;
    if (streamSequence <= this.position) return;
    try {
      this.#options.onEntry({
        subject: msg.subject,
        sequence: streamSequence,
        at: Math.floor(timestampNanos / 1e6),
        headers: headersOf((msg as unknown as { msg: Msg }).msg),
        body: msg.data,
      });
    } catch (error) {
      const { subject } = msg;
      this.#link.log.warn(
        { error: messageOf(error), subject, sequence: streamSequence },
        "an entry of the log was passed over",
      );
    }
    this.position = streamSequence;
    if (this.#waiting.size > 0) this.#reached(streamSequence);
  }

  #reached(position: number): void {
    this.position = Math.max(this.position, position);
    for (const wait of this.#waiting)
      if (wait.position <= this.position) wait.settle(true);
  }
}

/** The places of the log that are there now. It also sets the clock by the server's. */
export async function logRange(link: Link): Promise<LogRange> {
  return reading(link, async () => {
    const sentAt = steadyTime();
    const { state, ts } = await link.jsm.streams.info(
      link.subjects.streams.events,
    );
    link.clock.adjust(ts, sentAt);
    return { first: state.first_seq, last: state.last_seq };
  });
}
