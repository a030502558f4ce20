import type { MsgHdrs } from "@nats-io/transport-node";

/** An encoded header block in the place of the client's map of headers: its publish asks for `encode()` alone. */
class EncodedHeaders {
  readonly #block: Uint8Array;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  encode(): Uint8Array {
    return this.#block;
  }
}

export type WireHeaders = MsgHdrs & EncodedHeaders;

export function asNatsHeaders(block: Uint8Array): WireHeaders {
  return new EncodedHeaders(block) as WireHeaders;
}
