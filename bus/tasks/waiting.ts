// The tasks that have not ended, read from their queues without consuming, from any place on.
import { levels, type Level } from "../../protocol/levels.js";
import { addressOf } from "../../protocol/task-message.js";
import { tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { hasName, queuesOf, taskSubjectOf } from "../history/history.js";
import { messagesOn, type StoredMessage } from "../history/stored.js";

interface WaitingFilter {
  agent?: string;
  lane?: string;
  /** Of tasks with a key only their body tells it. */
  skill?: string;
  /** Tasks with a key have none. */
  level?: Level;
  taskId?: string;
}

/** Where a reader was, so that it can go on there. */
export interface WaitingPlace {
  stream: string;
  subject: string;
  sequence: number;
}

interface Reading {
  after?: WaitingPlace | undefined;
  /** Timers do not say in their subject whose they are: of each kind at most so many are looked at. */
  mostTimers?: number;
}

/** By queue, next first; of one agent by level; what is not yet due comes last. */
export async function* waitingTasks(
  link: Link,
  filter: WaitingFilter,
  { after, mostTimers = Infinity }: Reading = {},
): AsyncGenerator<StoredMessage & { place: WaitingPlace }> {
  const sources = await sourcesOf(link, filter);
  const at = after ? sources.findIndex((source) => isAt(source, after)) : 0;
  // A queue that is gone since: begin anew rather than leave out what is there.
  for (const source of sources.slice(Math.max(0, at))) {
    const first = after && isAt(source, after) ? after.sequence + 1 : 1;
    const { stream, subject } = source;
    const isTimed = stream === link.subjects.streams.timers;
    let left = isTimed ? mostTimers : Infinity;
    for await (const stored of messagesOn(link, stream, subject, first)) {
      if (left-- === 0) break;
      const place = { ...source, sequence: stored.sequence };
      if (hasName(stored) && fits(stored, filter)) yield { ...stored, place };
    }
  }
}

type Source = Omit<WaitingPlace, "sequence">;

function isAt(source: Source, place: WaitingPlace): boolean {
  return source.stream === place.stream && source.subject === place.subject;
}

async function sourcesOf(link: Link, filter: WaitingFilter): Promise<Source[]> {
  const { agent, level, taskId } = filter;
  const { queue, streams, all, tasksWhere, partitionedWhere, timer, due } =
    link.subjects;
  const queues = (await queuesOf(link))
    .filter((name) => agent === undefined || name === queue(agent))
    .toSorted();
  const served = agent === undefined ? [undefined] : levels;
  const wanted = level === undefined ? served : [level];
  const sources = queues.flatMap((stream) => [
    ...wanted.map((each) => ({
      stream,
      subject: tasksWhere({ ...filter, level: each }),
    })),
    ...(level === undefined
      ? [{ stream, subject: partitionedWhere(filter) }]
      : []),
  ]);
  const timed =
    taskId === undefined
      ? all.timers
      : [timer({ agent, taskId }), due({ agent, taskId })];
  const timers = timed.map((subject) => ({ stream: streams.timers, subject }));
  return [...sources, ...timers];
}

/** Timers do not say in their subject whose they are. */
function fits(stored: StoredMessage, filter: WaitingFilter): boolean {
  if (tokenAt(stored.subject, 1) === "task") return true;
  const { target } = stored.headers;
  const isTimed = tokenAt(stored.subject, 1) !== "partition";
  if (isTimed && target === undefined) return false;
  const address = addressOf(taskSubjectOf(stored));
  const { agent, lane, level, taskId } = filter;
  return (
    (agent === undefined || address.agent === agent) &&
    (lane === undefined || address.lane === lane) &&
    (level === undefined ||
      (address.level === level && stored.headers.key === undefined)) &&
    (taskId === undefined || address.taskId === taskId)
  );
}
