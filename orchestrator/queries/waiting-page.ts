// The part of a page of tasks that has not ended: read from the queues, with what the log says of them.
import { z } from "zod";
import { parkingOf } from "../../bus/journal/parking.js";
import { taskSubjectOf } from "../../bus/history/history.js";
import type { StoredMessage } from "../../bus/history/stored.js";
import { Handouts } from "../../bus/tasks/handouts.js";
import { waitingTasks, type WaitingPlace } from "../../bus/tasks/waiting.js";
import { addressOf, requestIn } from "../../protocol/task-message.js";
import { isTerminal } from "../../protocol/task.js";
import { encodeToken } from "../../protocol/tokens.js";
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

/** So long waiting messages are looked at for one page; the page then ends early, with a cursor. */
const readForMs = 700;

export const waitingPlace = z.object({
  in: z.literal("queues"),
  after: z
    .object({ stream: z.string(), subject: z.string(), sequence: z.int() })
    .optional(),
  /** Of those that have failed before: where that is on the log. */
  afterFailure: z.int().optional(),
});
type Place = z.infer<typeof waitingPlace>;

interface Page {
  tasks: FoundTask[];
  next: Place | undefined;
}

interface Candidate {
  stored: StoredMessage;
  place: Omit<Place, "in">;
}

export async function waitingPage(
  view: View,
  projection: Projection,
  query: Query<"tasks">,
  from: Omit<Place, "in">,
): Promise<Page> {
  const reader = await WaitingReader.open(view, projection);
  const fits = waitingFilter(view, query);
  const tasks: FoundTask[] = [];
  const until = performance.now() + readForMs;
  for await (const { stored, place } of query.error === undefined
    ? fromQueues(view, query, from.after)
    : fromFailures(view, projection, query, from.afterFailure)) {
    const found = await reader.toFound(stored, query.values);
    if (found && fits(found)) tasks.push(found);
    if (tasks.length === query.limit || performance.now() > until)
      return { tasks, next: { in: "queues", ...place } };
  }
  return { tasks, next: undefined };
}

function waitingFilter(view: View, query: Query<"tasks">) {
  const { skill, context } = query;
  const isInTime = timeFilter(view.link, query);
  const isState = stateFilter(query.state);
  return (found: FoundTask): boolean =>
    isState(found.state) &&
    isInTime(Date.parse(found.at)) &&
    (skill === undefined || found.skill === skill) &&
    (context === undefined || found.context === context);
}

async function* fromQueues(
  { link }: View,
  query: Query<"tasks">,
  after: WaitingPlace | undefined,
): AsyncGenerator<Candidate> {
  for await (const stored of waitingTasks(link, filterOf(query), { after }))
    yield { stored, place: { after: stored.place } };
}

/** What waits and has an error has failed before: the log says which those are. */
async function* fromFailures(
  { link }: View,
  projection: Projection,
  query: Query<"tasks">,
  after = 0,
): AsyncGenerator<Candidate> {
  const isError = textFilter(query.error);
  const failures = [...projection.open()]
    .flatMap((trace) => trace.findLast(({ kind }) => kind === "attempt") ?? [])
    .filter(({ sequence }) => sequence > after)
    .filter(({ code, error }) => isError(code, error))
    .toSorted((one, other) => one.sequence - other.sequence);
  for (const failure of failures) {
    const { agent, sequence } = failure;
    const filter = { ...filterOf(query), agent, taskId: taskIdOf(failure) };
    if (query.agent !== undefined && query.agent !== agent) continue;
    if (query.task !== undefined && query.task !== filter.taskId) continue;
    for await (const stored of waitingTasks(link, filter))
      yield { stored, place: { afterFailure: sequence } };
  }
}

function filterOf({ agent, lane, skill, level, task }: Query<"tasks">) {
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(lane === undefined ? {} : { lane }),
    ...(skill === undefined ? {} : { skill }),
    ...(level === undefined ? {} : { level }),
    ...(task === undefined ? {} : { taskId: task }),
  };
}

class WaitingReader {
  readonly #projection: Projection;
  readonly #handouts: Handouts;
  readonly #living: ReadonlySet<string>;
  readonly #lanes: ReadonlySet<string>;

  private constructor(
    projection: Projection,
    handouts: Handouts,
    living: ReadonlySet<string>,
    lanes: ReadonlySet<string>,
  ) {
    this.#projection = projection;
    this.#handouts = handouts;
    this.#living = living;
    this.#lanes = lanes;
  }

  static async open(
    { link, registry }: View,
    projection: Projection,
  ): Promise<WaitingReader> {
    const instances = await registry.instances();
    return new WaitingReader(
      projection,
      new Handouts(link),
      new Set(instances.map(({ instance }) => instance)),
      new Set(instances.map(({ agent, lane }) => laneKey(agent, lane))),
    );
  }

  /** Undefined for one that has ended: its message goes only after its end is stored (R3). */
  async toFound(
    stored: StoredMessage,
    values: boolean,
  ): Promise<FoundTask | undefined> {
    const { headers, body, at } = stored;
    const address = addressOf(taskSubjectOf(stored));
    const { taskId, agent, lane, level } = address;
    const trace = this.#projection.traceOf(
      `${encodeToken(agent)}.${encodeToken(taskId)}`,
    );
    if (trace.some(({ kind }) => isTerminal(kind))) return undefined;
    const begun = trace.findLast(({ kind }) => kind === "started");
    const failed = trace.filter(({ kind }) => kind === "attempt");
    const last = failed.at(-1);
    const request =
      address.skill === "" || values ? requestIn(headers, body) : undefined;
    const parking = parkingOf(stored);
    const dueAt = Date.parse(headers.schedule?.replace(/^@at /, "") ?? "");
    return {
      taskId,
      agent,
      skill: address.skill || (request?.skill ?? ""),
      state:
        parking?.state ??
        (await this.#stateOf(stored, laneKey(agent, lane), trace, begun)),
      at: at.toISOString(),
      lane,
      ...(headers.key === undefined ? { level } : { key: headers.key }),
      ...(headers.context === undefined ? {} : { context: headers.context }),
      attempts: failed.length,
      ...(begun?.instance === undefined ? {} : { instance: begun.instance }),
      ...(Number.isNaN(dueAt) ? {} : { dueAt: toIso(dueAt) }),
      ...(parking ? { waitsFor: parking.waitsFor } : {}),
      ...(last?.retryAt === undefined ? {} : { retryAt: toIso(last.retryAt) }),
      ...deadlineOf(headers.deadline),
      ...errorOf(last),
      ...(values && request ? { input: request.input } : {}),
    };
  }

  /** In hand, as far as can be told: who has a task that is handed out the first time stands nowhere. */
  async #stateOf(
    stored: StoredMessage,
    lane: string,
    trace: readonly Fact[],
    begun: Fact | undefined,
  ): Promise<"submitted" | "working"> {
    if (!this.#lanes.has(lane)) return "submitted"; // whoever had it is gone
    const last = trace.at(-1);
    if (begun && last === begun)
      return this.#living.has(begun.instance ?? "") ? "working" : "submitted";
    if (trace.length > 0 || stored.headers.parked !== undefined)
      return "working";
    return (await this.#handouts.has(stored)) ? "working" : "submitted";
  }
}

function laneKey(agent: string, lane: string): string {
  return `${lane} ${agent}`;
}

/** A bare client may have said anything. */
function deadlineOf(deadline: string | undefined): { deadline?: string } {
  const at = new Date(Number(deadline ?? Number.NaN));
  return Number.isNaN(at.getTime()) ? {} : { deadline: at.toISOString() };
}
