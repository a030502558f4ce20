// Replay: any part of the log, oldest first, as fast as the server gives it or at the pace at which it was
// written. What it yields is what happened; a fold of it is the state (R5).
import {
  DeliverPolicy,
  ReplayPolicy,
  type JsMsg,
  type OrderedConsumerOptions,
} from "@nats-io/jetstream";
import { toMs, type Duration } from "../../protocol/duration.js";
import { isAgentSubject } from "../../protocol/addresses.js";
import { TroupeError } from "../../protocol/errors.js";
import type { TaskEvent } from "../../protocol/task.js";
import {
  parseAgentEvent,
  type AgentEvent,
} from "../../protocol/agent-events.js";
import { parseTaskEvent } from "../../protocol/task-events.js";
import type { Link } from "../connection/connection.js";
import { pauseWhileOpen } from "../connection/pause.js";
import { headersFromNats } from "../delivery/delivery.js";
import { readable } from "./readable.js";

export interface ReplayFilter extends ReplayRange {
  task?: string;
  agent?: string;
  /** Only events of these kinds. */
  kind?: TaskEvent["kind"] | readonly TaskEvent["kind"][];
}

/** What happened to agents and their instances; with "all", to tasks as well, in the order of the log. */
export interface AgentReplayFilter extends ReplayRange {
  agent?: string;
  kind: "agent" | "all";
}

export interface ReplayRange {
  /** From this time on: a moment, or how long ago. */
  since?: Date | Duration;
  /** Up to this time. */
  until?: Date | Duration;
  /** From this place on the log on. */
  from?: number;
  /** Up to and with this place. */
  to?: number;
  /** Go on with what comes. Default false: end with what was there at the start. */
  follow?: boolean;
  /** 1 is the recorded pace, 10 ten times that. Default as fast as the server gives it. */
  speed?: number;
}

const pageSize = 2048;
const silenceMs = 30_000;

type AnyFilter = ReplayFilter | AgentReplayFilter;
type AnyEvent = TaskEvent | AgentEvent;

export function replay(
  link: Link,
  filter?: ReplayFilter,
): AsyncGenerator<TaskEvent, void, undefined>;
export function replay(
  link: Link,
  filter: AgentReplayFilter & { kind: "agent" },
): AsyncGenerator<AgentEvent, void, undefined>;
export function replay(
  link: Link,
  filter: AnyFilter,
): AsyncGenerator<AnyEvent, void, undefined>;
export async function* replay(
  link: Link,
  filter: AnyFilter = {},
): AsyncGenerator<AnyEvent, void, undefined> {
  const until =
    filter.until === undefined
      ? undefined
      : momentOf(link, filter.until, "until");
  const pace = new Pace(filter.speed);
  for await (const event of read(link, filter)) {
    if (
      until !== undefined &&
      event.at !== undefined &&
      event.at.getTime() > until
    )
      return;
    if (
      filter.to !== undefined &&
      event.sequence !== undefined &&
      event.sequence > filter.to
    )
      return;
    if (!fits(event, filter.kind)) continue;
    await pace.wait(link, event.at);
    yield event;
  }
}

/** The ordered consumer starts over by itself after a gap or a reconnect, where it stopped; it asks for more only as it is read. */
async function* read(
  link: Link,
  filter: AnyFilter,
): AsyncGenerator<AnyEvent, void, undefined> {
  const stream = link.subjects.streams.events;
  const follow = filter.follow === true;
  const last = follow
    ? Number.POSITIVE_INFINITY
    : (await link.jsm.streams.info(stream)).state.last_seq;
  const consumer = await link.js.consumers.get(
    stream,
    consumerOptions(link, filter),
  );
  if (!follow && (await consumer.info(true)).num_pending === 0) return;
  const messages = await consumer.consume({ max_messages: pageSize });
  const silence = new Silence(follow, () => messages.stop(stalled(stream)));
  const forget = link.onClose((error) => messages.stop(error));
  try {
    for await (const msg of messages) {
      silence.ends();
      if (msg.seq > last) return;
      const { subject, seq: sequence } = msg;
      const event = readable(link, { subject, sequence }, () => toEvent(msg));
      if (event) yield event;
      if (!follow && (msg.info.pending === 0 || msg.seq === last)) return;
      silence.begins();
    }
  } finally {
    forget();
    silence.ends();
    messages.stop();
  }
}

/** Ends a replay that waits for long although there is more (R9). */
class Silence {
  readonly #onSilence: () => void;
  readonly #allowed: boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(allowed: boolean, onSilence: () => void) {
    this.#allowed = allowed;
    this.#onSilence = onSilence;
    this.begins();
  }

  begins(): void {
    if (!this.#allowed) this.#timer ??= setTimeout(this.#onSilence, silenceMs);
  }

  ends(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** One filter only where one will do: the server looks up a list for each message. */
function subjectsOf({ subjects }: Link, filter: AnyFilter): string | string[] {
  const { agent, kind } = filter;
  const taskId = "task" in filter ? filter.task : undefined;
  const ofAgents = subjects.agentEventsWhere({ agent });
  const ofTasks = subjects.taskEventsWhere({ agent, taskId });
  if (kind === "agent") return ofAgents;
  return kind === "all" ? [ofTasks, ofAgents] : ofTasks;
}

function consumerOptions(
  link: Link,
  filter: AnyFilter,
): Partial<OrderedConsumerOptions> {
  const base = {
    filter_subjects: subjectsOf(link, filter),
    replay_policy: ReplayPolicy.Instant,
  };
  if (filter.from !== undefined)
    return {
      ...base,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, filter.from),
    };
  if (filter.since === undefined)
    return { ...base, deliver_policy: DeliverPolicy.All };
  const since = new Date(momentOf(link, filter.since, "since")).toISOString();
  return {
    ...base,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: since,
  };
}

function toEvent(msg: JsMsg): AnyEvent {
  const headers = msg.headers ? headersFromNats(msg.headers) : {};
  const parse = isAgentSubject(msg.subject) ? parseAgentEvent : parseTaskEvent;
  return parse(msg.subject, headers, msg.data, {
    sequence: msg.seq,
    at: new Date(msg.info.timestampNanos / 1e6),
  });
}

function fits({ kind }: AnyEvent, wanted: AnyFilter["kind"]): boolean {
  if (wanted === undefined || wanted === "agent" || wanted === "all")
    return true;
  return typeof wanted === "string"
    ? kind === wanted
    : wanted.some((each) => each === kind);
}

/** On the server's clock, by which the log was written. */
function momentOf(link: Link, moment: Date | Duration, name: string): number {
  return moment instanceof Date
    ? moment.getTime()
    : link.clock.now() - toMs(moment, name);
}

/** Waits between events as long as it took when they were written, divided by the speed. */
class Pace {
  readonly #speed: number;
  #origin: { wall: number; log: number } | undefined;

  constructor(speed: number | undefined) {
    if (speed !== undefined && !(speed > 0)) {
      throw new TroupeError(
        "ARGUMENT_INVALID",
        `speed ${speed} is none: 1 is the recorded pace, 10 ten times that`,
      );
    }
    this.#speed = speed ?? Number.POSITIVE_INFINITY;
  }

  async wait(link: Link, at: Date | undefined): Promise<void> {
    if (!Number.isFinite(this.#speed) || at === undefined) return;
    this.#origin ??= { wall: Date.now(), log: at.getTime() };
    const dueAt =
      this.#origin.wall + (at.getTime() - this.#origin.log) / this.#speed;
    const waitMs = dueAt - Date.now();
    if (waitMs > 0) await pauseWhileOpen(link, waitMs);
  }
}

function stalled(stream: string): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `the replay of "${stream}" had no message for ${silenceMs / 1000}s although more are there: see whether the server is up, then replay again from where it stopped`,
  );
}
