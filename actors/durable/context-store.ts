// The records of one agent's contexts, as an instance reads and writes them. What is hot is kept, so that an event
// of a hot context reads nothing; what is idle is dropped, and its next message wakes it with one read.
//
// A kept record may be used as long as nobody else can have changed it: while every delivery of its partition came
// to this instance, in the partition's own count. Where one is missing, or the write is refused, it is read again;
// the compare-and-set is what keeps it right, the count only spares a refused write.
import type { Records } from "../../bus/buckets/records.js";
import { TroupeError } from "../../protocol/errors.js";
import { contextToken, encodeToken } from "../../protocol/tokens.js";
import type { ActorDefinition } from "./actor-definition.js";
import { decodeRecord, encodeRecord, type ActorRecord } from "./record.js";

export interface Opened {
  record: ActorRecord | undefined;
  revision: number;
}

interface Hot {
  bytes: Uint8Array;
  revision: number;
  /** The era of its partition in which it was true. */
  era: number;
  usedAt: number;
}

/** So many are kept, however busy they are. */
const mostHot = 1_000;

export class ContextStore {
  readonly #agent: string;
  readonly #records: Records;
  readonly #maxBytes: () => number;
  readonly #sleepAfterMs: number;
  readonly #keepFinishedMs: number;
  /** In the order of their last use. */
  readonly #hot = new Map<string, Hot>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    agent: string,
    records: Records,
    maxBytes: () => number,
    {
      sleepAfterMs,
      keepFinishedMs,
    }: Pick<ActorDefinition, "sleepAfterMs" | "keepFinishedMs">,
  ) {
    this.#agent = agent;
    this.#records = records;
    this.#maxBytes = maxBytes;
    this.#sleepAfterMs = sleepAfterMs;
    this.#keepFinishedMs = keepFinishedMs;
  }

  /** How many are awake. */
  get awake(): number {
    return this.#hot.size;
  }

  /** `era`: of its partition, from which on it is known who handled its messages. */
  async open(context: string, era: number): Promise<Opened> {
    const hot = this.#hot.get(context);
    if (hot?.era === era)
      return {
        record: this.#decode(context, hot.bytes),
        revision: hot.revision,
      };
    return this.read(context);
  }

  /** As it is stored now. */
  async read(context: string): Promise<Opened> {
    const { body, revision } = await this.#records.read(
      this.#key(contextToken(context)),
    );
    const record = body && this.#decode(context, body);
    return { record, revision };
  }

  /** Throws CONFLICT when somebody else was first, PAYLOAD_TOO_LARGE when the server takes no such record. */
  async commit(
    record: ActorRecord,
    revision: number,
    era: number,
  ): Promise<void> {
    const { context } = record;
    const bytes = encodeRecord(record);
    const limit = this.#maxBytes();
    if (bytes.length > limit)
      throw this.#tooLarge(context, bytes.length, limit);
    this.#hot.delete(context);
    const ttlMs = isDone(record)
      ? this.#keepFinishedMs
      : Number.POSITIVE_INFINITY;
    const key = this.#key(contextToken(context));
    const stored = await this.#records.replace(key, bytes, revision, ttlMs);
    if (Number.isFinite(ttlMs)) return; // the server alone knows when it is gone
    const usedAt = performance.now();
    this.#keep(context, { bytes, revision: stored, era, usedAt });
  }

  /** The name of a context whose token does not tell it; undefined when it has no record. */
  async nameOf(token: string): Promise<string | undefined> {
    const { body } = await this.#records.read(this.#key(token));
    return body && this.#decode(token, body).context;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#hot.clear();
  }

  #keep(context: string, hot: Hot): void {
    this.#hot.set(context, hot);
    if (this.#hot.size > mostHot)
      this.#hot.delete(this.#hot.keys().next().value!);
    this.#timer ??= setInterval(
      () => this.#dropIdle(),
      this.#sleepAfterMs / 4,
    ).unref();
  }

  #dropIdle(): void {
    const oldest = performance.now() - this.#sleepAfterMs;
    for (const [context, { usedAt }] of this.#hot) {
      if (usedAt > oldest) break;
      this.#hot.delete(context);
    }
    if (this.#hot.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #decode(context: string, bytes: Uint8Array): ActorRecord {
    return decodeRecord(bytes, `"${context}" of agent "${this.#agent}"`);
  }

  #key(token: string): string {
    return recordKey(this.#agent, token);
  }

  #tooLarge(context: string, bytes: number, limit: number): TroupeError {
    return new TroupeError(
      "PAYLOAD_TOO_LARGE",
      `the record of context "${context}" of agent "${this.#agent}" would have ${bytes} bytes, and at most ${limit} fit into a message: keep less in the machine's context, and large things elsewhere`,
      { data: { bytes, limit } },
    );
  }
}

const isDone = ({ state }: ActorRecord): boolean =>
  state?.snapshot.status === "done";

/** A bucket's keys allow fewer characters than a subject does: neither "%" nor "~". */
export function recordKey(agent: string, contextToken: string): string {
  return [encodeToken(agent, "agent"), contextToken]
    .map((token) => token.replaceAll("~", "=7e").replaceAll("%", "="))
    .join(".");
}
