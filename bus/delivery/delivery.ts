// One delivery of a stored message to this process, with the three answers that it can be given. Each is
// sent without waiting: one that gets lost means a redelivery, and that finds the effect (R3).
import type { Msg } from "@nats-io/transport-node";
import { decodeHeaders, type Headers } from "../../protocol/headers.js";
import type { Link } from "../connection.js";

const nothing = new Uint8Array(0);
const working = Buffer.from("+WPI");
const decoder = new TextDecoder("latin1");

export class Delivery {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly #link: Link;
  readonly #msg: Msg;
  readonly #reply: string;
  readonly #facts: string[];
  #headers: Headers | undefined;

  constructor(link: Link, msg: Msg) {
    this.#link = link;
    this.#msg = msg;
    this.#reply = msg.reply!;
    this.#facts = factsOf(this.#reply);
    this.subject = msg.subject;
    this.body = msg.data;
  }

  get headers(): Headers {
    return (this.#headers ??= headersOf(this.#msg));
  }

  /** From 1; more than 1 is a redelivery. */
  get count(): number {
    return Number(this.#facts[0]);
  }

  get streamSequence(): number {
    return Number(this.#facts[1]);
  }

  /** When the server stored it, in milliseconds of the server's clock. */
  get storedAt(): number {
    return Number(this.#facts[3]!.slice(0, -6));
  }

  /** How many more wait behind it for the same consumer. */
  get backlog(): number {
    return Number(this.#facts[4]);
  }

  /** Its effect is on the log: it is done. */
  acknowledge(): void {
    this.#answer(nothing);
  }

  /** Deliver it again, to anyone, after a while. */
  retryIn(delayMs: number): void {
    this.#answer(
      Buffer.from(
        delayMs > 0
          ? `-NAK {"delay":${Math.ceil(delayMs) * 1_000_000}}`
          : "-NAK",
      ),
    );
  }

  /** Still working on it: do not give it to another. */
  keepAlive(): void {
    this.#answer(working);
  }

  #answer(body: Uint8Array): void {
    if (!this.#link.closed) this.#link.send(this.#reply, body);
  }
}

/** `$JS.ACK[.domain.account].stream.consumer.` count, stream sequence, consumer sequence, time, backlog */
function factsOf(reply: string): string[] {
  const tokens = reply.split(".");
  return tokens.length >= 11 ? tokens.slice(6) : tokens.slice(4);
}

/** Our own reading of the header block is lighter than the client's map of arrays. */
export function headersOf(msg: Msg): Headers {
  const raw = msg as unknown as { _msg?: { hdr: number }; _rdata?: Uint8Array };
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
