// Asking the orchestrator: the same as its skills, with dates for times. Whichever orchestrator is there answers;
// where none is, NO_RESPONDERS is thrown at once.
import type { Duration } from "../../protocol/duration.js";
import { hasCode, TroupeError } from "../../protocol/errors.js";
import {
  queries,
  type Answer,
  type Asked,
  type FoundTask,
  type Standing,
} from "./queries.js";

type Times = "since" | "until";
/** With times as a moment, or how long ago. */
type Filter<Name extends keyof typeof queries> = Omit<Asked<Name>, Times> & {
  [Time in Times & keyof Asked<Name>]?: Date | Duration;
};

export type TasksQuery = Filter<"tasks">;
export type AgentsQuery = Asked<"agents">;
export type ContextsQuery = Filter<"contexts">;
export type DeadLettersQuery = Filter<"dead-letters">;

type Moments = "at" | "dueAt" | "retryAt" | "deadline";
export type QueriedTask = Omit<FoundTask, Moments> & {
  at: Date;
  dueAt?: Date;
  retryAt?: Date;
  deadline?: Date;
};

export interface TasksAnswer {
  tasks: QueriedTask[];
  /** Send it with the same query for the next page; absent when there is none. */
  cursor?: string | undefined;
  /** Which part of the log was looked at, and how far it is behind. */
  log: Standing;
}

/** How `bus.ask` looks from here. */
type Ask = (
  target: Target,
  input: object,
  options: { timeout: number },
) => Promise<unknown>;
type Target = (typeof queries)[keyof typeof queries];

/**
 * Who was killed with a question in hand does not answer it, and a question may be asked again: soon, and then
 * with more patience, should it be the answer that takes long.
 */
const patienceMs = [1_500, 4_000, 15_000];

function isLost(error: unknown): boolean {
  return hasCode(error, "WAIT_TIMED_OUT", "NOT_CONNECTED", "WORKER_STOPPING");
}

/** A task in its place, as an ask without an answer advises, would wait for an orchestrator as well. */
function explained(error: unknown): unknown {
  if (!hasCode(error, "NO_RESPONDERS")) return error;
  return new TroupeError(
    "NO_RESPONDERS",
    "no orchestrator runs here, and only one answers queries: start one with `npx troupe up`, or in a process of yours with bus.orchestrate()",
    { cause: error },
  );
}

export class Queries {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** What waits, next first; then what has ended, in the order asked for: the slowest alone, unless `state` says more. */
  async tasks(query: TasksQuery = {}): Promise<TasksAnswer> {
    let answer = await this.#answer("tasks", query);
    // A page ends early where it takes long to find anything.
    while (answer.tasks.length === 0 && answer.cursor !== undefined)
      answer = await this.#answer("tasks", { ...query, cursor: answer.cursor });
    return { ...answer, tasks: answer.tasks.map(withDates) };
  }

  /** Agents with their living instances, load and results. */
  agents(query: AgentsQuery = {}): Promise<Answer<"agents">> {
    return this.#answer("agents", query);
  }

  /** Newest activity first. */
  contexts(query: ContextsQuery = {}): Promise<Answer<"contexts">> {
    return this.#answer("contexts", query);
  }

  async deadLetters(
    query: DeadLettersQuery = {},
  ): Promise<Answer<"dead-letters">> {
    let answer = await this.#answer("dead-letters", query);
    while (answer.letters.length === 0 && answer.cursor !== undefined)
      answer = await this.#answer("dead-letters", {
        ...query,
        cursor: answer.cursor,
      });
    return answer;
  }

  /** Of the orchestrator that happens to answer. */
  status(): Promise<Answer<"status">> {
    return this.#answer("status", {});
  }

  async #answer<Name extends keyof typeof queries>(
    name: Name,
    query: object,
  ): Promise<Answer<Name>> {
    const input = Object.fromEntries(
      Object.entries(query).map(([field, value]) => [field, toText(value)]),
    );
    try {
      return (await this.#askAgain(queries[name], input)) as Answer<Name>;
    } catch (error) {
      throw explained(error);
    }
  }

  async #askAgain(target: Target, input: object): Promise<unknown> {
    for (const timeout of patienceMs.slice(0, -1))
      try {
        return await this.#ask(target, input, { timeout });
      } catch (error) {
        if (!isLost(error)) throw error;
      }
    return this.#ask(target, input, { timeout: patienceMs.at(-1)! });
  }
}

function toText(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : value;
}

function withDates(task: FoundTask): QueriedTask {
  const { at, dueAt, retryAt, deadline, ...rest } = task;
  return {
    ...rest,
    at: new Date(at),
    ...(dueAt === undefined ? {} : { dueAt: new Date(dueAt) }),
    ...(retryAt === undefined ? {} : { retryAt: new Date(retryAt) }),
    ...(deadline === undefined ? {} : { deadline: new Date(deadline) }),
  };
}
