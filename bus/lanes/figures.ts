// How the tasks of an agent ended of late, by the lane of the instance that ended them: from the log, by the
// headers of its events alone, so that a hundred thousand ends are read in a second or two.
import { DeliverPolicy, ReplayPolicy, type JsMsg } from "@nats-io/jetstream";
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { defaultLane } from "../../protocol/subjects.js";
import { stateOfType } from "../../protocol/task.js";
import type { Link } from "../connection/connection.js";
import { headersFromNats } from "../delivery/delivery.js";

export interface LaneFigures {
  completed: number;
  failed: number;
  /** Attempts that failed and were to be tried again. */
  retried: number;
  /** Of those that completed or failed: 0 to 1. Absent where none has. */
  errorRate?: number;
  /** Failed attempts for each that completed or failed; may be above 1. */
  retryRate?: number;
  /** How long the handlers took. */
  p50Ms?: number;
  p95Ms?: number;
}

export const noFigures: LaneFigures = { completed: 0, failed: 0, retried: 0 };

const pageSize = 8_192;
const silenceMs = 10_000;
/** Of more, a random choice stands for all. */
const mostDurations = 50_000;

interface Tally {
  completed: number;
  failed: number;
  retried: number;
  durations: number[];
}

export async function figuresOf(
  link: Link,
  agent: string,
  window: Duration,
): Promise<Map<string, LaneFigures>> {
  const since = link.clock.now() - toMs(window, "window");
  const tallies = new Map<string, Tally>();
  for await (const msg of eventsSince(link, agent, since)) count(tallies, msg);
  return new Map([...tallies].map(([lane, tally]) => [lane, toFigures(tally)]));
}

async function* eventsSince(
  link: Link,
  agent: string,
  since: number,
): AsyncGenerator<JsMsg, void, undefined> {
  const { streams, taskEventsWhere } = link.subjects;
  const consumer = await link.js.consumers.get(streams.events, {
    // One subject, for only then can a permission say what the consumer may read.
    filter_subjects: taskEventsWhere({ agent }),
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(since).toISOString(),
    replay_policy: ReplayPolicy.Instant,
    headers_only: true,
  });
  let left = (await consumer.info(true)).num_pending;
  if (left === 0) return;
  const messages = await consumer.consume({ max_messages: pageSize });
  const giveUp = () => messages.stop(stalled(agent));
  const silence = setTimeout(giveUp, silenceMs);
  const forget = link.onClose((error) => messages.stop(error));
  try {
    for await (const msg of messages) {
      silence.refresh();
      yield msg;
      if (--left <= 0) return;
    }
  } finally {
    clearTimeout(silence);
    forget();
    messages.stop();
  }
}

function count(tallies: Map<string, Tally>, msg: JsMsg): void {
  if (!msg.headers) return;
  const headers = headersFromNats(msg.headers);
  const lane = headers.lane ?? defaultLane;
  const tally = tallies.get(lane) ?? {
    completed: 0,
    failed: 0,
    retried: 0,
    durations: [],
  };
  tallies.set(lane, tally);
  const state = stateOfType(headers.type);
  if (headers.type === "task.attempt") tally.retried++;
  else if (state === "completed" || state === "failed") {
    tally[state]++;
    remember(tally, Number(headers.took ?? 0));
  } // a task that was canceled or rejected says nothing of who handled it
}

function remember({ completed, failed, durations }: Tally, tookMs: number) {
  if (durations.length < mostDurations) durations.push(tookMs);
  else {
    const at = Math.floor(Math.random() * (completed + failed));
    if (at < mostDurations) durations[at] = tookMs;
  }
}

function toFigures({
  completed,
  failed,
  retried,
  durations,
}: Tally): LaneFigures {
  const ended = completed + failed;
  if (ended === 0) return { completed, failed, retried };
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return {
    completed,
    failed,
    retried,
    errorRate: failed / ended,
    retryRate: retried / ended,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
  };
}

function stalled(agent: string): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `the history of agent "${agent}" had no message for ${silenceMs / 1000}s although more are there: see whether the server is up, then try again`,
  );
}
