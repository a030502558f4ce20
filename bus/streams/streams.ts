// The streams and buckets of a namespace, made when they are missing. What may be changed is brought up to
// date, what may not is refused with the difference, so that two versions never disagree in silence.
//
// Limits belong to the streams, not to a connection: only those that the caller named are applied to a stream
// that is there; the defaults are for a stream that is made.
import { isDeepStrictEqual } from "node:util";
import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { toMs, type Duration } from "../../protocol/duration.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import { steadyTime } from "../connection/server-clock.js";

export interface StreamLimits {
  /** How many copies of each stream the cluster keeps. Default 1. */
  replicas?: number;
  /** How long the history of ended tasks is kept. Default 7d. */
  history?: Duration;
  /** At most so many bytes of history; the oldest goes first. */
  historyBytes?: number;
  /** At most so many tasks waiting; a submit beyond it is refused. */
  maxWaiting?: number;
}

/** Within this time a message id that was stored once is not stored again. */
const duplicateWindow = nanos(120_000);

/** Each reader of the history is a consumer; the server's default since 2.15 is 1000. */
const maxConsumers = 100_000;

type Wanted = Partial<StreamConfig> & { name: string; subjects: string[] };

const eventDefaults: Partial<StreamConfig> = { max_age: nanos(toMs("7d")) };

/** A user who may not change a stream can do without the rest of what we set. */
const essential: readonly (keyof StreamConfig)[] = [
  "subjects",
  "retention",
  "storage",
  "num_replicas", // named where a quorum is asked for
  "allow_direct",
  "republish",
  "subject_transform",
  "allow_msg_schedules",
  "max_msgs_per_subject",
  "discard",
  "discard_new_per_subject",
];

function onFile(link: Link, limits: StreamLimits) {
  return {
    storage: StorageType.File,
    allow_direct: true,
    ...(limits.replicas === undefined ? {} : { num_replicas: limits.replicas }),
    ...(link.commitsGroups ? { allow_atomic: true } : {}),
  };
}

/**
 * An agent's queue. Each agent has a stream of its own: an acknowledgement costs the server a look at every
 * consumer of the stream, and what an agent may do can be told by its stream's name (R8).
 */
function queueConfig(link: Link, agent: string, limits: StreamLimits): Wanted {
  const { queue, queued, partitioning } = link.subjects;
  return {
    ...onFile(link, limits),
    name: queue(agent),
    subjects: queued(agent),
    subject_transform: partitioning(agent),
    description: "Tasks waiting or in hand",
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    duplicate_window: duplicateWindow,
    ...(limits.maxWaiting === undefined ? {} : { max_msgs: limits.maxWaiting }),
  };
}

/** What this version needs, and the limits that were named. */
function streamConfigs(link: Link, limits: StreamLimits): Wanted[] {
  const { streams, buckets, all, retold } = link.subjects;
  const file = onFile(link, limits);
  return [
    {
      ...file,
      name: streams.events,
      subjects: [all.events],
      republish: retold,
      description: "The history: attempts, status, ends",
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      ...(limits.history === undefined
        ? {}
        : { max_age: nanos(toMs(limits.history, "history")) }),
      ...(limits.historyBytes === undefined
        ? {}
        : { max_bytes: limits.historyBytes }),
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
    {
      // Without an age: a task may sleep for months. What has ended long ago the leading orchestrator removes.
      ...file,
      name: streams.journal,
      subjects: [all.journal],
      description: "What the handlers of tasks have done, and signals to them",
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      allow_rollup_hdrs: true,
      allow_msg_ttl: true,
      duplicate_window: nanos(1000),
      max_consumers: maxConsumers,
    },
    {
      // As a bucket is made; but whoever serves reads it, also who may make nothing.
      ...file,
      name: `KV_${buckets.settings}`,
      subjects: [`$KV.${buckets.settings}.>`],
      description: "Settings of agents",
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      allow_rollup_hdrs: true,
    },
  ];
}

export async function ensureStreams(
  link: Link,
  limits: StreamLimits = {},
): Promise<void> {
  const [events, ...others] = streamConfigs(link, limits);
  const { num_replicas } = await ensureStream(link, events!);
  link.replicas = num_replicas;
  await Promise.all(others.map((wanted) => ensureStream(link, wanted)));
}

export async function ensureQueue(
  link: Link,
  agent: string,
  limits: StreamLimits = {},
): Promise<void> {
  await ensureStream(link, queueConfig(link, agent, limits));
}

async function ensureStream(link: Link, wanted: Wanted): Promise<StreamConfig> {
  const sentAt = steadyTime();
  const found =
    (await infoOf(link, wanted.name)) ?? (await create(link, wanted));
  link.clock.adjust(found.ts, sentAt);
  const differences = differencesOf(wanted, found.config);
  if (differences.length > 0)
    await update(link, wanted, found.config, differences);
  return { ...found.config, ...wanted };
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
    const isEvents = wanted.name === link.subjects.streams.events;
    return await link.jsm.streams.add({
      num_replicas: link.replicas,
      ...(isEvents ? eventDefaults : {}),
      ...wanted,
    });
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
  differences: Difference[],
): Promise<void> {
  const texts = differences.map(({ text }) => text);
  try {
    await link.jsm.streams.update(wanted.name, { ...found, ...wanted });
    link.log.info(
      { stream: wanted.name, differences: texts },
      "stream brought up to date",
    );
  } catch (cause) {
    const denied = isDenied(cause);
    if (denied && !differences.some(({ field }) => essential.includes(field))) {
      link.log.warn(
        { stream: wanted.name, differences: texts },
        "this user may not bring the stream up to date; it is used as it is",
      );
      return;
    }
    const hint = denied
      ? "Connect once as a user who may change streams"
      : "Change it by hand, delete it";
    throw new TroupeError(
      "STREAM_CONFLICT",
      `stream "${wanted.name}" differs from what this version needs (${texts.join("; ")}) and cannot be changed: ${messageOf(cause)}. ${hint}, or connect with another namespace`,
      { cause, data: { stream: wanted.name, differences: texts } },
    );
  }
}

interface Difference {
  field: keyof StreamConfig;
  text: string;
}

/** Each field that we set and the server has otherwise, as `field: has A, needs B`. */
function differencesOf(wanted: Wanted, found: StreamConfig): Difference[] {
  return (Object.keys(wanted) as (keyof StreamConfig)[])
    .filter((field) => !isDeepStrictEqual(wanted[field], found[field]))
    .map((field) => ({
      field,
      text: `${field}: has ${JSON.stringify(found[field])}, needs ${JSON.stringify(wanted[field])}`,
    }));
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
  if (isDenied(cause)) {
    return new TroupeError(
      "PERMISSION_DENIED",
      `could not ${verb} stream "${name}" at ${link.url}: ${text}. Give this user the permission in nats.conf, or connect as another`,
      { cause },
    );
  }
  return requestFailed(
    link,
    `could not ${verb} stream "${name}" at ${link.url}`,
    cause,
  );
}
