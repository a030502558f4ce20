// The streams and buckets of a namespace, made when they are missing. What may be changed is brought up to
// date, what may not is refused with the difference, so that two versions never disagree in silence.
import { isDeepStrictEqual } from "node:util";
import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { toMs, type Duration } from "../protocol/duration.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import type { Link } from "./connection.js";

export interface StreamLimits {
  /** How many copies of each stream the cluster keeps. */
  replicas?: number;
  /** How long the history of ended tasks is kept. */
  history?: Duration;
  /** At most so many bytes of history; the oldest goes first. */
  historyBytes?: number;
  /** At most so many tasks waiting; a submit beyond it is refused. */
  maxWaiting?: number;
}

/** Within this time a message id that was stored once is not stored again. */
const duplicateWindow = nanos(120_000);

/** The server's default since 2.15 is 1000, which 250 agents with four levels would use up. */
const maxConsumers = 100_000;

type Wanted = Partial<StreamConfig> & { name: string; subjects: string[] };

export function streamConfigs(link: Link, limits: StreamLimits = {}): Wanted[] {
  const { streams, accepted, all } = link.subjects;
  const replicas = limits.replicas ?? 1;
  const file = {
    storage: StorageType.File,
    num_replicas: replicas,
    allow_direct: true,
  };
  const queue = {
    ...file,
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    duplicate_window: duplicateWindow,
    max_consumers: maxConsumers,
    ...(limits.maxWaiting === undefined ? {} : { max_msgs: limits.maxWaiting }),
  };
  return [
    {
      ...queue,
      name: streams.tasks,
      subjects: accepted.tasks,
      description: "Tasks waiting or in hand",
    },
    {
      ...queue,
      name: streams.keyed,
      subjects: accepted.keyed,
      description: "Tasks with a key, in order",
    },
    {
      ...file,
      name: streams.events,
      subjects: [all.events],
      republish: { src: all.events, dest: all.stored },
      description: "The history: attempts, status, ends",
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: nanos(toMs(limits.history ?? "7d", "history")),
      max_bytes: limits.historyBytes ?? -1,
      duplicate_window: nanos(1000),
      max_consumers: maxConsumers,
    },
    {
      ...file,
      name: streams.dead,
      subjects: [all.dead],
      description: "Dead letters",
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      duplicate_window: duplicateWindow,
    },
    {
      ...file,
      name: streams.timers,
      subjects: all.timers,
      description: "Schedules, and what has fallen due",
      retention: RetentionPolicy.Workqueue,
      allow_msg_schedules: true,
      duplicate_window: duplicateWindow,
    },
  ];
}

export async function ensureStreams(
  link: Link,
  limits: StreamLimits = {},
): Promise<void> {
  const [first, ...others] = streamConfigs(link, limits);
  await Promise.all([
    ensureStream(link, first!),
    ...others.map((wanted) => ensureStream(link, wanted)),
  ]);
}

async function ensureStream(link: Link, wanted: Wanted): Promise<void> {
  const sentAt = Date.now();
  const found =
    (await infoOf(link, wanted.name)) ?? (await create(link, wanted));
  link.clock.adjust(found.ts, sentAt);
  const differences = differencesOf(wanted, found.config);
  if (differences.length > 0)
    await update(link, wanted, found.config, differences);
}

async function infoOf(
  link: Link,
  name: string,
): Promise<StreamInfo | undefined> {
  try {
    return await link.jsm.streams.info(name);
  } catch (error) {
    if (codeOf(error) === 10059) return undefined; // stream not found
    throw streamError(link, name, "read", error);
  }
}

async function create(link: Link, wanted: Wanted): Promise<StreamInfo> {
  try {
    return await link.jsm.streams.add(wanted);
  } catch (error) {
    const found =
      codeOf(error) === 10058 ? await infoOf(link, wanted.name) : undefined; // another was quicker
    if (found) return found;
    throw streamError(link, wanted.name, "create", error);
  }
}

async function update(
  link: Link,
  wanted: Wanted,
  found: StreamConfig,
  differences: string[],
): Promise<void> {
  try {
    await link.jsm.streams.update(wanted.name, { ...found, ...wanted });
    link.log.info(
      { stream: wanted.name, differences },
      "stream brought up to date",
    );
  } catch (cause) {
    throw new TroupeError(
      "STREAM_CONFLICT",
      `stream "${wanted.name}" differs from what this version needs (${differences.join("; ")}) and cannot be changed: ${messageOf(cause)}. Change it by hand, delete it, or connect with another namespace`,
      { cause, data: { stream: wanted.name, differences } },
    );
  }
}

/** Each field that we set and the server has otherwise, as `field: has A, needs B`. */
function differencesOf(wanted: Wanted, found: StreamConfig): string[] {
  return Object.entries(wanted)
    .filter(
      ([field, value]) =>
        !isDeepStrictEqual(value, found[field as keyof StreamConfig]),
    )
    .map(
      ([field, value]) =>
        `${field}: has ${JSON.stringify(found[field as keyof StreamConfig])}, needs ${JSON.stringify(value)}`,
    );
}

export function codeOf(error: unknown): number | undefined {
  const api = error as { code?: number };
  return typeof api?.code === "number" ? api.code : undefined;
}

function streamError(
  link: Link,
  name: string,
  verb: string,
  cause: unknown,
): TroupeError {
  const text = messageOf(cause);
  if (/jetstream.*not enabled|jetstream is not|no responders/i.test(text)) {
    return new TroupeError(
      "BUS_FAILED",
      `nats-server at ${link.url} has no JetStream for this account: start it with -js, or enable it in nats.conf`,
      { cause, retryable: false },
    );
  }
  if (/permissions violation/i.test(text)) {
    return new TroupeError(
      "PERMISSION_DENIED",
      `could not ${verb} stream "${name}" at ${link.url}: ${text}. Give this user the permission in nats.conf, or connect as another`,
      { cause },
    );
  }
  return new TroupeError(
    "BUS_FAILED",
    `could not ${verb} stream "${name}" at ${link.url}: ${text}`,
    { cause },
  );
}
