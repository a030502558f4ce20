// troupe tasks ls: asked of the orchestrator, which finds by more than the bus alone can; without one, what the
// bus can tell.
import { TroupeError } from "../protocol/errors.js";
import type { Level } from "../protocol/levels.js";
import type { QueriedTask, TasksQuery } from "../orchestrator/queries/query.js";
import {
  isTerminal,
  taskStates,
  terminalStates,
  type TaskState,
} from "../protocol/task.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import { oneOf, toLevel, toMoment } from "./values.js";
import type { Call, Options } from "./verb.js";

export type ListedTask = TaskSummary | QueriedTask;

interface Listing {
  tasks: readonly ListedTask[];
  /** Of the next page. */
  cursor?: string | undefined;
}

export const listingOptions: Options = {
  agent: { type: "string", value: "NAME", help: "ls: only this agent's" },
  lane: {
    type: "string",
    value: "LANE",
    help: "ls: only in this lane",
  },
  limit: {
    type: "string",
    value: "N",
    help: "ls: at most so many; unless more is asked for, so many waiting and so many ended (default 20)",
  },
  skill: { type: "string", value: "NAME", help: "ls: only of this skill" },
  state: {
    type: "string",
    multiple: true,
    value: "STATE",
    help: "ls: only in these states, such as submitted,failed",
  },
  context: { type: "string", value: "ID", help: "ls: only of this context" },
  level: { type: "string", value: "LEVEL", help: "ls: only of this level" },
  since: {
    type: "string",
    value: "1h",
    help: "ls: stored or ended no longer ago, or after a date",
  },
  until: { type: "string", value: "10m", help: "ls: not after that" },
  error: {
    type: "string",
    value: "TEXT",
    help: "ls: only with this in the error's code or message",
  },
  order: {
    type: "string",
    value: "ORDER",
    help: "ls: of those that ended, newest (default) or oldest first; slowest: those alone, with how long the attempt ran that ended them",
  },
  cursor: {
    type: "string",
    value: "CURSOR",
    help: 'ls: the page after the one that named it; with --json its last line does, {"cursor":…}, where there is more',
  },
};

const orders = ["newest", "oldest", "slowest"] as const;

export async function listTasks(bus: Bus, query: TasksQuery): Promise<Listing> {
  try {
    return asksForMore(query)
      ? await bus.query.tasks(query)
      : await waitingAndEnded(bus, query);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    if (asksForMore(query) || query.cursor !== undefined)
      throw needsOrchestrator(error as TroupeError);
    const { agent, lane, limit } = query;
    const tasks = await bus.tasks({
      ...(agent === undefined ? {} : { agent }),
      ...(lane === undefined ? {} : { lane }),
      ...(limit === undefined ? {} : { limit }),
    });
    return { tasks };
  }
}

const bothKinds: TaskState[][] = [
  taskStates.filter((state) => !isTerminal(state)),
  [...terminalStates],
];
/** Stands between the cursors of the two, and in no cursor. */
const between = ".";

/** Of each the first few: the one must not hide the other. */
async function waitingAndEnded(
  bus: Bus,
  { cursor: given, ...query }: TasksQuery,
): Promise<Listing> {
  const after = given?.split(between) ?? [];
  const pages: Listing[] = await Promise.all(
    bothKinds.map(async (state, at) => {
      const cursor = after[at];
      if (cursor === "") return { tasks: [], cursor: undefined }; // that was all of these
      return bus.query.tasks({
        ...query,
        state,
        ...(cursor === undefined ? {} : { cursor }),
      });
    }),
  );
  const cursors = pages.map(({ cursor }) => cursor ?? "");
  return {
    tasks: pages.flatMap(({ tasks }) => tasks),
    ...(cursors.some(Boolean) ? { cursor: cursors.join(between) } : {}),
  };
}

/** Than agent, lane and limit. */
function asksForMore({ cursor, ...query }: TasksQuery): boolean {
  const plain = ["agent", "lane", "limit", "values"];
  const isPlain = Object.keys(query).every((name) => plain.includes(name));
  return !isPlain || (cursor !== undefined && !cursor.includes(between));
}

/** By anything that a task may not fit. */
export function filters(query: TasksQuery): boolean {
  const others = ["limit", "values", "order"];
  return Object.keys(query).some((name) => !others.includes(name));
}

/** Throws ARGUMENT_INVALID. */
export function queryOf(call: Call): TasksQuery {
  const query: TasksQuery = { values: call.output.json };
  for (const name of [
    "agent",
    "lane",
    "skill",
    "context",
    "error",
    "cursor",
  ] as const) {
    const text = call.text(name);
    if (text !== undefined) query[name] = text;
  }
  const limit = call.whole("limit");
  if (limit !== undefined) query.limit = limit;
  const level = call.text("level");
  if (level !== undefined) query.level = toLevel(level) satisfies Level;
  for (const name of ["since", "until"] as const) {
    const text = call.text(name);
    if (text !== undefined) query[name] = toMoment(text, `--${name}`);
  }
  const wanted = call.texts("state");
  if (wanted.length > 0)
    query.state = wanted.map((text) => oneOf("state", text, taskStates));
  const order = call.text("order");
  if (order !== undefined) query.order = oneOf("order", order, orders);
  return query;
}

/** Nobody is there, or does not answer, or may not be asked. */
function isUnanswered(error: unknown): boolean {
  const codes = ["NO_RESPONDERS", "WAIT_TIMED_OUT", "PERMISSION_DENIED"];
  return error instanceof TroupeError && codes.includes(error.code);
}

function needsOrchestrator(cause: TroupeError): TroupeError {
  if (cause.code !== "NO_RESPONDERS") return cause;
  return new TroupeError(
    "NO_RESPONDERS",
    `only an orchestrator finds tasks by more than agent and lane, and none is running: start one with ${commandLine`up`}`,
    { cause },
  );
}
