// Records of actors: one message a key, replaced by compare-and-set. A bucket of its own without what Bucket does
// for its users (schemas, watchers), because every event of a stateful agent is one write here.
//
// A write that the publisher sent again after a reconnect may be refused although it was stored: who gets CONFLICT
// reads again, and sees by the record whose it is.
import { Kvm } from "@nats-io/kv";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { encodeHeaders } from "../protocol/headers.js";
import type { Link } from "./connection.js";
import { lastMessage } from "./history.js";
import type { Publisher } from "./publisher.js";

export interface StoredRecord {
  /** Nothing, where there is no record. */
  body: Uint8Array | undefined;
  /** What the next write must name; 0 where nothing was ever written. */
  revision: number;
}

export class Records {
  readonly bucket: string;
  readonly #link: Link;
  readonly #publisher: Publisher;

  constructor(link: Link, publisher: Publisher) {
    this.#link = link;
    this.#publisher = publisher;
    this.bucket = link.subjects.buckets.state;
  }

  /** Makes the bucket where it is missing. */
  async open(replicas?: number): Promise<void> {
    try {
      await new Kvm(this.#link.js).create(this.bucket, {
        history: 1,
        ...(replicas === undefined ? {} : { replicas }),
      });
    } catch (cause) {
      throw new TroupeError(
        "BUS_FAILED",
        `could not open the bucket "${this.bucket}", where stateful agents keep their actors, at ${this.#link.url}: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  async read(key: string): Promise<StoredRecord> {
    const stream = `KV_${this.bucket}`;
    const stored = await lastMessage(this.#link, stream, this.#subject(key));
    if (!stored) return { body: undefined, revision: 0 };
    const { headers, body, sequence } = stored;
    const gone =
      headers.operation !== undefined || headers.markerReason !== undefined;
    return { body: gone ? undefined : body, revision: sequence };
  }

  /** The new revision. Throws CONFLICT when the key no longer has this one. */
  async replace(
    key: string,
    body: Uint8Array,
    revision: number,
  ): Promise<number> {
    const headers = encodeHeaders({
      expectedLastSubjectSequence: String(revision),
    });
    const { sequence } = await this.#publisher.store(
      this.#subject(key),
      headers,
      body,
    );
    return sequence;
  }

  #subject(key: string): string {
    return `$KV.${this.bucket}.${key}`;
  }
}
