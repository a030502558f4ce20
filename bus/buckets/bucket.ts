// A KV bucket: the newest value of each key, with a revision to compare and set by. A bucket is a stream, so
// reads are direct gets and writes go through the lean publisher, which sends again after a reconnect.
//
// 1. A write that names the revision it has read is stored only when nobody wrote in between.
// 2. After a reconnect such a write may be refused although it was ours that was stored: who gets CONFLICT
//    reads again, and sees by the value whose it is.
// 3. R7: a value that does not fit the schema counts as none; the log says so.
import type { JsMsg } from "@nats-io/jetstream";
import { Kvm, type KvOptions } from "@nats-io/kv";
import type { z } from "zod";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { isConflict, messageOf } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { decodeToken, encodeToken } from "../../protocol/tokens.js";
import { BucketWatch, type Watching } from "./bucket-watch.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { headersFromNats } from "../delivery/delivery.js";
import {
  lastMessage,
  messagesOn,
  type StoredMessage,
} from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";

export interface Entry<Value> {
  key: string;
  value: Value;
  revision: number;
  /** When it was written, on the server's clock. */
  at: Date;
}

/** A key that was written, or is gone: deleted, or too old for a bucket with a TTL. */
export interface Change<Value> {
  key: string;
  entry: Entry<Value> | undefined;
  /** Of the value, or of the mark that says that it is gone. */
  revision: number;
  /** Gone by age, and not because somebody deleted it. */
  expired?: boolean;
}

export type { Watching };

interface BucketOptions {
  /** A key that is not written again for so long goes away by itself, and watchers are told. */
  ttlMs?: number;
  /** Keys may have a TTL of their own, given as they are written. */
  ownTtls?: boolean;
}

interface WriteOptions {
  /** This key goes away by itself unless it is written again within so long; to the second, for a bucket with `ownTtls`. */
  ttlMs?: number;
}

/** How long the mark of a key that has gone away stays. */
const markerTtlMs = 5_000;

export class Bucket<Value> {
  readonly name: string;
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #schema: z.ZodType<Value>;
  readonly #options: BucketOptions;
  #made: Promise<unknown> | undefined;

  constructor(
    link: Link,
    publisher: Publisher,
    name: string,
    schema: z.ZodType<Value>,
    options: BucketOptions = {},
  ) {
    this.#link = link;
    this.#publisher = publisher;
    this.name = name;
    this.#schema = schema;
    this.#options = options;
  }

  async get(key: string): Promise<Entry<Value> | undefined> {
    const stored = await this.#stored(key);
    return stored && this.#toChange(stored).entry;
  }

  /** All keys that fit the filter, such as `card.*.*`, in the order of their writing. */
  async entries(filter = ">"): Promise<Entry<Value>[]> {
    await this.make();
    const found = new Map<string, Entry<Value>>();
    for await (const stored of messagesOn(
      this.#link,
      this.#stream,
      this.#subject(filter),
    )) {
      const { key, entry } = this.#toChange(stored);
      found.delete(key); // it was written again meanwhile, and so comes again
      if (entry) found.set(key, entry);
    }
    return [...found.values()];
  }

  /** Whatever was there before. Returns the new revision. */
  put(key: string, value: Value, options?: WriteOptions): Promise<number> {
    return this.#write(key, value, {}, options);
  }

  /** Only if the key has no value. Throws CONFLICT. */
  async create(
    key: string,
    value: Value,
    options?: WriteOptions,
  ): Promise<number> {
    try {
      return await this.update(key, value, 0, options);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const stored = await this.#stored(key);
      if (stored && this.#toChange(stored).entry) throw error;
      return this.update(key, value, stored?.sequence ?? 0, options); // over the mark of a deletion
    }
  }

  /** Only if the key still has this revision. Throws CONFLICT. */
  update(
    key: string,
    value: Value,
    revision: number,
    options?: WriteOptions,
  ): Promise<number> {
    const expectedLastSubjectSequence = String(revision);
    return this.#write(key, value, { expectedLastSubjectSequence }, options);
  }

  /** With a revision, only if the key still has it. Throws CONFLICT. */
  async delete(key: string, revision?: number): Promise<void> {
    const headers: Headers = {
      operation: "PURGE",
      rollup: "sub",
      expectedLastSubjectSequence: revision?.toString(),
    };
    await this.#store(key, new Uint8Array(0), headers);
  }

  /**
   * Tells of each key that fits, first as it is now, then as it changes, for as long as the connection lives.
   * Resolves when the first is done.
   */
  async watch(
    filter: string,
    onChange: (change: Change<Value>) => void,
  ): Promise<Watching> {
    await this.make();
    const place = { stream: this.#stream, subject: this.#subject(filter) };
    const watch = new BucketWatch(this.#link, place, (msg) =>
      this.#tell(msg, onChange),
    );
    return watch.start();
  }

  #tell(msg: JsMsg, onChange: (change: Change<Value>) => void): void {
    try {
      onChange(
        this.#toChange({
          stream: this.#stream,
          subject: msg.subject,
          sequence: msg.seq,
          at: msg.time,
          headers: msg.headers ? headersFromNats(msg.headers) : {},
          body: msg.data,
        }),
      );
    } catch (error) {
      // What throws here would end the connection.
      this.#link.log.error(
        { error, bucket: this.name, subject: msg.subject },
        "a change of a bucket could not be handled and was passed over",
      );
    }
  }

  async #stored(key: string): Promise<StoredMessage | undefined> {
    await this.make();
    return lastMessage(this.#link, this.#stream, this.#subject(key));
  }

  async #write(
    key: string,
    value: Value,
    headers: Headers,
    { ttlMs }: WriteOptions = {},
  ): Promise<number> {
    const ttl = ttlMs === undefined ? undefined : `${Math.ceil(ttlMs / 1000)}s`;
    return this.#store(key, encodeBody(value, "json"), { ...headers, ttl });
  }

  async #store(
    key: string,
    body: Uint8Array,
    headers: Headers,
  ): Promise<number> {
    await this.make();
    const { sequence } = await this.#publisher.store(
      this.#subject(key),
      encodeHeaders(headers),
      body,
    );
    return sequence;
  }

  #toChange(stored: StoredMessage): Change<Value> {
    const { subject, headers, body, sequence: revision, at } = stored;
    const key = subject.slice(this.#subject("").length);
    if (headers.operation !== undefined)
      return { key, entry: undefined, revision };
    if (headers.markerReason !== undefined)
      return { key, entry: undefined, revision, expired: true };
    const value = this.#parse(key, body);
    return { key, entry: value && { key, value, revision, at }, revision };
  }

  #parse(key: string, body: Uint8Array): Value | undefined {
    try {
      return this.#schema.parse(decodeBody(body));
    } catch (error) {
      this.#link.log.warn(
        { bucket: this.name, key, error: messageOf(error) },
        "a value of a bucket is none of ours and was passed over",
      );
      return undefined;
    }
  }

  get #stream(): string {
    return `KV_${this.name}`;
  }

  #subject(key: string): string {
    return `$KV.${this.name}.${key}`;
  }

  /** Makes the bucket if it is not there, as whatever needs it does by itself. */
  make(): Promise<unknown> {
    if (this.#made) return this.#made;
    const { ttlMs, ownTtls } = this.#options;
    const options: Partial<KvOptions> = {
      ...(ttlMs === undefined ? {} : { ttl: ttlMs, markerTTL: ttlMs }),
      ...(ownTtls === true ? { markerTTL: markerTtlMs } : {}),
    };
    this.#made = new Kvm(this.#link.js)
      .create(this.name, {
        history: 1,
        replicas: this.#link.replicas,
        ...options,
      })
      .catch((cause: unknown) => {
        this.#made = undefined;
        throw requestFailed(
          this.#link,
          `could not open the bucket "${this.name}" at ${this.#link.url}`,
          cause,
        );
      });
    return this.#made;
  }
}

/** Names as a key of a bucket, which allows fewer characters than a subject does: neither "%" nor "~". */
export function keyOf(...names: string[]): string {
  return names
    .map((name) =>
      encodeToken(name).replaceAll("~", "=7e").replaceAll("%", "="),
    )
    .join(".");
}

/** The names that a key was made of. */
export function namesOfKey(key: string): string[] {
  return key.split(".").map((token) => decodeToken(token.replaceAll("=", "%")));
}
