// One delivery of a stored message to this process, with the three answers that it can be given. Each is
// sent without waiting: one that gets lost means a redelivery, and that finds the effect (R3).
import type { Msg } from "@nats-io/transport-node";
import { decodeHeaders, type Headers } from "../../protocol/headers.js";
import type { Link } from "../connection/connection.js";
import type { Acknowledgeable, AckLine } from "./ack-line.js";

const nothing = new Uint8Array(0);
const working = Buffer.from("+WPI");
const notNow = Buffer.from("-NAK");
const decoder = new TextDecoder("latin1");
const dot = 46;

export class Delivery implements Acknowledgeable {
  readonly subject: string;
  readonly body: Uint8Array;
  /** From 1; more than 1 is a redelivery. */
  readonly count: number;
  /** How many more wait behind it for the same consumer. */
  readonly backlog: number;
  readonly #link: Link;
  readonly #line: AckLine | undefined;
  readonly #msg: Msg;
  readonly #reply: string;
  #headers: Headers | undefined;

  /** `line` is where its acknowledgement waits for the next one; without it, it goes at once. */
  constructor(link: Link, msg: Msg, line?: AckLine) {
    this.#link = link;
    this.#line = line;
    this.#msg = msg;
    this.#reply = msg.reply!;
    const facts = readReply(this.#reply);
    this.count = facts.count;
    this.backlog = facts.backlog;
    this.subject = msg.subject;
    this.body = msg.data;
  }

  /**
   * Stored before the connection last broke: a server that was killed may have forgotten that it delivered
   * the message, or even that it was acknowledged, so that `count` starts anew.
   */
  get mayBeForgotten(): boolean {
    const { reconnectedAt } = this.#link;
    return reconnectedAt > 0 && this.storedAt < reconnectedAt;
  }

  /** What became of it may stand on the log: see before working on it. */
  get mayBeKnown(): boolean {
    const { maybeKnown, attempt } = this.headers;
    return (
      this.count > 1 ||
      this.mayBeForgotten ||
      maybeKnown !== undefined ||
      attempt !== undefined
    );
  }

  /** When the server stored it, in milliseconds. */
  get storedAt(): number {
    return storedAtOf(this.#reply);
  }

  /** Its place in its stream. */
  get streamSequence(): number {
    return numberOf(this.#reply, 3);
  }

  /** Its place among the deliveries of its consumer, to whomever they went. */
  get consumerSequence(): number {
    return numberOf(this.#reply, 4);
  }

  get headers(): Headers {
    return (this.#headers ??= headersOf(this.#msg));
  }

  /** Its effect is on the log: it is done. */
  acknowledge(): void {
    if (this.#line) this.#line.add(this);
    else this.acknowledgeNow();
  }

  acknowledgeNow(): void {
    this.#answer(nothing);
  }

  /** Deliver it again, to anyone, after a while. */
  retryIn(delayMs: number): void {
    const nanoseconds = Math.ceil(delayMs) * 1_000_000;
    this.#answer(
      delayMs > 0 ? Buffer.from(`-NAK {"delay":${nanoseconds}}`) : notNow,
    );
  }

  /** Has it delivered at once, though it was to come later. Holds nothing of the message. */
  hastener(): () => void {
    const link = this.#link;
    const reply = this.#reply;
    return () => {
      if (!link.closed) link.nats.publish(reply, notNow);
    };
  }

  /** Still working on it: do not give it to another. */
  keepAlive(): void {
    this.#answer(working);
  }

  #answer(body: Uint8Array): void {
    if (!this.#link.closed) this.#link.nats.publish(this.#reply, body);
  }
}

/**
 * `$JS.ACK.stream.consumer.count.sequence.sequence.time.backlog`, or with a domain and an account before
 * the stream and maybe a token at the end. Read in place: splitting it would cost more than the rest of
 * a delivery.
 */
function readReply(reply: string): { count: number; backlog: number } {
  const dots: number[] = [];
  for (let at = 0; at < reply.length; at++)
    if (reply.charCodeAt(at) === dot) dots.push(at);
  const first = dots.length === 8 ? 3 : 5;
  const numberAfter = (nth: number): number =>
    Number(reply.slice(dots[nth]! + 1, dots[nth + 1] ?? reply.length));
  return { count: numberAfter(first), backlog: numberAfter(first + 4) };
}

/** When the message was stored, in milliseconds. */
function storedAtOf(reply: string): number {
  const tokens = reply.split(".");
  return Number(tokens[tokens.length === 9 ? 7 : 9]) / 1e6;
}

/** A field of the reply, counted from the name of the consumer, as `readReply` counts. */
function numberOf(reply: string, field: number): number {
  const tokens = reply.split(".");
  return Number(tokens[(tokens.length === 9 ? 2 : 4) + field]);
}

/** Our own reading of the header block is lighter than the client's map of arrays. */
export function headersOf(msg: Msg): Headers {
  const raw = msg as unknown as {
    _msg?: { hdr: number };
    _rdata?: Uint8Array;
  };
  const length = raw._msg?.hdr ?? -1;
  if (length > 0 && raw._rdata)
    return decodeHeaders(decoder.decode(raw._rdata.subarray(0, length)));
  return msg.headers ? headersFromNats(msg.headers) : {};
}

/** From the client's own form of headers. */
export function headersFromNats(
  headers: Iterable<[string, string[]]>,
): Headers {
  let block = "NATS/1.0\r\n";
  for (const [name, values] of headers) block += `${name}: ${values[0]}\r\n`;
  return decodeHeaders(block);
}
