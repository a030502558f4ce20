// Which contexts there are: tasks that belong together, newest activity first.
import { z } from "zod";
import { isTerminal } from "../../protocol/task.js";
import { fromCursor, toCursor } from "./cursor.js";
import type { Fact } from "../view/fact.js";
import type { Projection } from "../view/projection.js";
import type { Answer, Query } from "./queries.js";
import { timeFilter, toIso, type View } from "./view.js";

/** What comes after the first page was made stays out of the others: it would move contexts past the reader. */
const place = z.object({ upTo: z.int(), after: z.int() });

interface Sum {
  context: string;
  agents: Set<string>;
  completed: number;
  failed: number;
  open: Set<string>;
  ended: Set<string>;
  firstAt: number;
  lastAt: number;
  last: number;
}

export async function queryContexts(
  view: View,
  query: Query<"contexts">,
): Promise<Answer<"contexts">> {
  const { projection, standing } = await view.upToDate();
  const from = fromCursor(query, place) ?? {
    upTo: projection.to,
    after: Number.MAX_SAFE_INTEGER,
  };
  const isInTime = timeFilter(view.link, query);
  const sums = [...sumUp(projection, query, from.upTo).values()]
    .filter(({ last, lastAt }) => last < from.after && isInTime(lastAt))
    .toSorted((one, other) => other.last - one.last);
  const page = sums.slice(0, query.limit);
  const next = { upTo: from.upTo, after: page.at(-1)?.last ?? 0 };
  return {
    contexts: page.map(toFound),
    ...(sums.length > page.length ? { cursor: toCursor(query, next) } : {}),
    log: standing(),
  };
}

function sumUp(
  projection: Projection,
  { agent, context }: Query<"contexts">,
  upTo: number,
): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const fact of projection.oldestFirst()) {
    if (fact.sequence > upTo) break;
    if (fact.context === undefined) continue;
    if (agent !== undefined && fact.agent !== agent) continue;
    if (context !== undefined && fact.context !== context) continue;
    const sum = sums.get(fact.context) ?? emptySum(fact.context, fact.at);
    sums.set(fact.context, sum);
    add(sum, fact);
  }
  return sums;
}

function emptySum(context: string, firstAt: number): Sum {
  const agents = new Set<string>();
  const [open, ended] = [new Set<string>(), new Set<string>()];
  const nothing = { completed: 0, failed: 0, lastAt: 0, last: 0 };
  return { context, agents, open, ended, firstAt, ...nothing };
}

function add(sum: Sum, { agent, kind, key, at, sequence }: Fact): void {
  sum.agents.add(agent);
  sum.lastAt = at;
  sum.last = sequence;
  // The word of who lost a task may come after the end that another wrote.
  if (!isTerminal(kind) && !sum.ended.has(key)) return void sum.open.add(key);
  if (!isTerminal(kind)) return;
  sum.open.delete(key);
  sum.ended.add(key);
  if (kind === "completed") sum.completed++;
  else sum.failed++;
}

function toFound(sum: Sum): Answer<"contexts">["contexts"][number] {
  const { context, agents, completed, failed, open, firstAt, lastAt } = sum;
  return {
    context,
    agents: [...agents].toSorted(),
    completed,
    failed,
    open: open.size,
    firstAt: toIso(firstAt),
    lastAt: toIso(lastAt),
  };
}
