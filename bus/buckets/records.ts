// Records of actors: one message a key, replaced by compare-and-set. A bucket of its own without what Bucket does
// for its users (schemas, watchers), because every event of a stateful agent is one write here.
//
// A write that the publisher sent again after a reconnect may be refused although it was stored: who gets CONFLICT
// reads again, and sees by the record whose it is.
import { Kvm } from "@nats-io/kv";
import { nanos, type Msg } from "@nats-io/transport-node";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { reading } from "../connection/reading.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";
import type { Publisher } from "../streams/publisher.js";

interface StoredRecord {
  /** Nothing, where there is no record. */
  body: Uint8Array | undefined;
  /** What the next write must name; 0 where nothing was ever written. */
  revision: number;
}

const nothing = new Uint8Array(0);
/** How long the mark of a record that has aged out stays. */
const markerTtlMs = 5_000;
const readWithinMs = 5_000;

export class Records {
  readonly bucket: string;
  readonly #link: Link;
  readonly #publisher: Publisher;

  constructor(link: Link, publisher: Publisher) {
    this.#link = link;
    this.#publisher = publisher;
    this.bucket = link.subjects.buckets.state;
  }

  /** Makes the bucket where it is missing. `ageOut`: records are to be given a time after which they go away. */
  async open(replicas?: number, { ageOut = false } = {}): Promise<void> {
    try {
      await new Kvm(this.#link.js).create(this.bucket, {
        history: 1,
        markerTTL: markerTtlMs,
        ...(replicas === undefined ? {} : { replicas }),
      });
      if (ageOut) await this.#letAgeOut();
    } catch (cause) {
      throw requestFailed(
        this.#link,
        `could not open the bucket "${this.bucket}", where stateful agents keep their actors, at ${this.#link.url}`,
        cause,
      );
    }
  }

  /** One that was made before it could. */
  async #letAgeOut(): Promise<void> {
    const { streams } = this.#link.jsm;
    const { config } = await streams.info(`KV_${this.bucket}`);
    if (config.allow_msg_ttl) return;
    const wanted = {
      ...config,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: nanos(markerTtlMs),
    };
    await streams.update(config.name, wanted);
  }

  /** The newest message on the key's subject, asked for as directly as it goes: most events cost one such read. */
  async read(key: string): Promise<StoredRecord> {
    const msg = await this.#ask(`KV_${this.bucket}`, this.#subject(key));
    const headers = headersOf(msg);
    if (headers.sequence === undefined) return this.#refused(key, msg);
    const gone =
      headers.operation !== undefined || headers.markerReason !== undefined;
    const revision = Number(headers.sequence);
    return { body: gone ? undefined : msg.data, revision };
  }

  async #ask(stream: string, subject: string): Promise<Msg> {
    try {
      return await reading(this.#link, () =>
        this.#link.nats.request(
          `$JS.API.DIRECT.GET.${stream}.${subject}`,
          nothing,
          { timeout: readWithinMs },
        ),
      );
    } catch (cause) {
      throw requestFailed(this.#link, cannotRead(subject), cause);
    }
  }

  #refused(key: string, { headers }: Msg): StoredRecord {
    if (headers?.code === 404) return { body: undefined, revision: 0 };
    const why = `${headers?.code ?? ""} ${headers?.description ?? ""}`;
    throw new TroupeError(
      "BUS_FAILED",
      `${cannotRead(this.#subject(key))}: ${why}`,
    );
  }

  /** The new revision. Throws CONFLICT when the key no longer has this one. `ttlMs` is infinite for what stays. */
  async replace(
    key: string,
    body: Uint8Array,
    revision: number,
    ttlMs: number,
  ): Promise<number> {
    const headers = encodeHeaders({
      expectedLastSubjectSequence: String(revision),
      ttl: Number.isFinite(ttlMs) ? `${Math.ceil(ttlMs / 1000)}s` : undefined,
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

const cannotRead = (subject: string): string =>
  `could not read the record on "${subject}"`;
