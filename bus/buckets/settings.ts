// Settings that hold for a namespace and outlive every process: the bucket `{ns}_settings`, and a view of it
// that each connection keeps, opened when it is first asked for. What is read costs no round trip.
//
// 1. The view holds the newest that was seen of each setting: a write of one's own is seen at once.
// 2. A change is made to what is there, by compare-and-set: of two at a time neither is lost.
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { isConflict, messageOf } from "../../protocol/errors.js";
import { Bucket, keyOf, namesOfKey } from "./bucket.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";

/** Settings of one kind, such as those of agents; their keys are `{kind}.{name}`. */
export interface SettingKind<Value> {
  kind: string;
  /** What it does not know it should let through (`z.looseObject`): a newer version may have written it. */
  schema: z.ZodType<Value>;
  /** What holds where nothing is set. */
  unset: Value;
}

const mostTries = 20;
const nothing: Seen = { revision: 0, value: undefined };

interface Seen {
  revision: number;
  value: unknown;
  /** What a kind made of it. */
  parsed?: { of: object; value: unknown };
}

export class Settings {
  readonly #link: Link;
  readonly #bucket: Bucket<unknown>;
  readonly #seen = new Map<string, Seen>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #opening: Promise<unknown> | undefined;

  constructor(link: Link, publisher: Publisher) {
    this.#link = link;
    this.#bucket = new Bucket(
      link,
      publisher,
      link.subjects.buckets.settings,
      z.unknown(),
    );
  }

  /** Resolves when all that is set is known; from then on it is kept up to date. */
  open(): Promise<unknown> {
    if (this.#opening) return this.#opening;
    this.#opening = this.#bucket.watch(">", ({ key, entry, revision }) =>
      this.#apply(key, { revision, value: entry?.value }),
    );
    this.#opening.catch(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** What is set, without a round trip; before `open` has resolved, what holds where nothing is set. */
  get<Value>(of: SettingKind<Value>, name: string): Value {
    const key = keyOf(of.kind, name);
    return this.#parse(of, key, this.#seen.get(key) ?? nothing);
  }

  async read<Value>(of: SettingKind<Value>, name: string): Promise<Value> {
    await this.open();
    return this.get(of, name);
  }

  /** Asks the server, for who cannot go by what a broken connection may have kept from being heard. */
  async refresh<Value>(of: SettingKind<Value>, name: string): Promise<Value> {
    const key = keyOf(of.kind, name);
    const before = this.#seen.get(key) ?? nothing;
    const entry = await this.#bucket.get(key);
    if (entry) this.#apply(key, entry);
    // That nothing is set says nothing against what was heard meanwhile.
    else if ((this.#seen.get(key) ?? nothing) === before)
      this.#set(key, { revision: before.revision, value: undefined });
    return this.get(of, name);
  }

  /** All of this kind that are set, by name. */
  async all<Value>(of: SettingKind<Value>): Promise<Map<string, Value>> {
    await this.open();
    const found = new Map<string, Value>();
    for (const [key, seen] of this.#seen) {
      const [kind, name] = namesOfKey(key);
      if (kind === of.kind && name !== undefined && seen.value !== undefined)
        found.set(name, this.#parse(of, key, seen));
    }
    return found;
  }

  /** Calls with what is set now, and at each change of it; what is answered ends that. */
  async follow<Value>(
    of: SettingKind<Value>,
    name: string,
    listener: (value: Value) => void,
  ): Promise<() => void> {
    await this.open();
    const key = keyOf(of.kind, name);
    let last: Value | undefined;
    const tell = () => {
      const value = this.get(of, name);
      if (isDeepStrictEqual(value, last)) return;
      last = value;
      listener(value);
    };
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(tell));
    tell();
    return () => void listeners.delete(tell);
  }

  /** Edits what is stored. Answers what is then, whoever wrote it; throws CONFLICT when others write all the time. */
  async change<Value>(
    of: SettingKind<Value>,
    name: string,
    edit: (value: Value) => Value,
  ): Promise<Value> {
    await this.open();
    const key = keyOf(of.kind, name);
    for (let tries = 1; ; tries++) {
      const entry = await this.#bucket.get(key);
      const before = this.#parse(of, key, entry ?? nothing);
      const value = of.schema.parse(edit(before));
      // Also when a write of ours was stored and, after a reconnect, refused when it was sent again.
      if (isDeepStrictEqual(value, before)) return value;
      try {
        const revision = await (entry
          ? this.#bucket.update(key, value, entry.revision)
          : this.#bucket.create(key, value));
        this.#apply(key, { revision, value });
        return value;
      } catch (error) {
        if (!isConflict(error) || tries === mostTries) throw error;
      }
    }
  }

  /** What was heard of before, or is older, changes nothing. */
  #apply(key: string, { revision, value }: Seen): void {
    const known = this.#seen.get(key) ?? nothing;
    if (revision > known.revision) this.#set(key, { revision, value });
  }

  #set(key: string, seen: Seen): void {
    this.#seen.set(key, seen);
    for (const tell of this.#listeners.get(key) ?? []) {
      try {
        tell();
      } catch (error) {
        this.#link.log.error(
          { key, error: messageOf(error) },
          "a changed setting could not be taken over",
        );
      }
    }
  }

  /** R7: what is no setting of this kind counts as none; the log says so. */
  #parse<Value>(of: SettingKind<Value>, key: string, seen: Seen): Value {
    if (seen.value === undefined) return of.unset;
    if (seen.parsed?.of === of) return seen.parsed.value as Value;
    const parsed = of.schema.safeParse(seen.value);
    if (!parsed.success)
      this.#link.log.warn(
        { key, bucket: this.#bucket.name, error: parsed.error.message },
        "a setting is none of ours and was passed over",
      );
    const value = parsed.success ? parsed.data : of.unset;
    seen.parsed = { of, value };
    return value;
  }
}
