// The part of a page of tasks that has ended: found among the facts of the projection.
import { z } from "zod";
import { toTaskEvent } from "../../bus/history/history.js";
import { messageAt } from "../../bus/history/stored.js";
import { isTerminal } from "../../protocol/task.js";
import { taskIdOf, type Fact } from "../view/fact.js";
import type { Projection } from "../view/projection.js";
import type { FoundTask, Query } from "./queries.js";
import {
  errorOf,
  stateFilter,
  textFilter,
  timeFilter,
  toIso,
  type View,
} from "./view.js";

/** An answer is one message. */
const valuesBytes = 512 * 1024;

export const endedPlace = z.object({
  in: z.literal("log"),
  /** As far as the log went for the first page. */
  upTo: z.int(),
  after: z.object({ sequence: z.int(), tookMs: z.number() }),
});
type Place = z.infer<typeof endedPlace>;

interface Page {
  tasks: FoundTask[];
  next: Place | undefined;
}

export async function endedPage(
  view: View,
  projection: Projection,
  query: Query<"tasks">,
  limit: number,
  from: Place | undefined,
): Promise<Page> {
  const upTo = from?.upTo ?? projection.to;
  const fits = factFilter(view, query);
  const found = firstOf(
    projection,
    query.order,
    from?.after,
    limit,
    (fact) => fact.sequence <= upTo && fits(fact),
  );
  const { facts, isMore } = found;
  const tasks = facts.map(toFoundEnd);
  const kept = query.values ? await addValues(view, tasks) : tasks.length;
  const last = facts[kept - 1];
  const after = last ?? from?.after ?? beforeAll(query.order);
  const next =
    isMore || kept < tasks.length
      ? {
          in: "log" as const,
          upTo,
          after: { sequence: after.sequence, tookMs: after.tookMs },
        }
      : undefined;
  return { tasks: tasks.slice(0, kept), next };
}

type Order = Query<"tasks">["order"];
type Rank = Pick<Fact, "sequence" | "tookMs">;

function beforeAll(order: Order): Rank {
  return order === "oldest"
    ? { sequence: 0, tookMs: 0 }
    : {
        sequence: Number.MAX_SAFE_INTEGER,
        tookMs: Number.MAX_SAFE_INTEGER,
      };
}

/** Negative when `one` comes first. */
const byOrder: Record<Order, (one: Rank, other: Rank) => number> = {
  newest: (one, other) => other.sequence - one.sequence,
  oldest: (one, other) => one.sequence - other.sequence,
  slowest: (one, other) =>
    other.tookMs - one.tookMs || other.sequence - one.sequence,
};

function firstOf(
  projection: Projection,
  order: Order,
  after: Rank | undefined,
  limit: number,
  fits: (fact: Fact) => boolean,
): { facts: Fact[]; isMore: boolean } {
  const compare = byOrder[order];
  const inOrder = order === "oldest" ? "oldestFirst" : "newestFirst";
  const facts: Fact[] = [];
  for (const fact of projection[inOrder]()) {
    if (after && compare(after, fact) >= 0) continue;
    if (!isTerminal(fact.kind) || !fits(fact)) continue;
    facts.push(fact);
    if (order !== "slowest" && facts.length > limit) break;
  }
  if (order === "slowest") facts.sort(compare);
  return { facts: facts.slice(0, limit), isMore: facts.length > limit };
}

function factFilter(
  { link }: View,
  query: Query<"tasks">,
): (fact: Fact) => boolean {
  const { agent, skill, context, lane, level, task, error } = query;
  const isState = stateFilter(query.state);
  const isInTime = timeFilter(link, query);
  const isError = textFilter(error);
  return (fact) =>
    (agent === undefined || fact.agent === agent) &&
    (skill === undefined || fact.skill === skill) &&
    isState(fact.kind as FoundTask["state"]) &&
    (context === undefined || fact.context === context) &&
    (lane === undefined || fact.lane === lane) &&
    (level === undefined || fact.level === level) &&
    (task === undefined || taskIdOf(fact) === task) &&
    isInTime(fact.at) &&
    (error === undefined || isError(fact.code, fact.error));
}

function toFoundEnd(fact: Fact): FoundTask {
  const { agent, skill, kind, at, lane, level, context, instance } = fact;
  return {
    taskId: taskIdOf(fact),
    agent,
    skill,
    state: kind as FoundTask["state"],
    at: toIso(at),
    lane,
    level,
    attempts: fact.attempt,
    ...(context === undefined ? {} : { context }),
    ...(instance === undefined ? {} : { instance }),
    ...(fact.tookMs === 0 ? {} : { tookMs: fact.tookMs }),
    ...errorOf(fact),
    sequence: fact.sequence,
  };
}

/** Reads inputs and outputs from the log. Returns how many tasks fit into one answer, at least one. */
async function addValues({ link }: View, tasks: FoundTask[]): Promise<number> {
  const { events } = link.subjects.streams;
  let bytes = 0;
  for (const [at, task] of tasks.entries()) {
    const stored = await messageAt(link, events, task.sequence!);
    if (!stored) continue; // aged out since
    bytes += stored.body.length;
    if (bytes > valuesBytes && at > 0) return at;
    const { input, output } = toTaskEvent(stored);
    task.input = input;
    if (output !== undefined) task.output = output;
  }
  return tasks.length;
}
