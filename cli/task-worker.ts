// Who has a task in hand, as far as can be told: a worker that was killed says nothing more, but its heartbeat has
// ended. Until the server has waited for it as long as its `ackWait`, the task is given to nobody else.
//
// 1. Whoever has a task for the first time stands nowhere: then it can only be told who has died since it came.
import { instanceTtlMs } from "../bus/registry/registry.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import { formatMs } from "../protocol/duration.js";
import { defaultLane } from "../protocol/subjects.js";
import { isTerminal, type TaskEvent } from "../protocol/task.js";
import type { Bus } from "../troupe.js";
import { dateOf } from "./times.js";

export interface TaskWorkers {
  /** How many live that could have it. */
  living: number;
  /** Who has it, where that is known. */
  instance?: string;
  /** Those that have died since it may have been given to them, the last one first. */
  lost: { instance: string; heardAt?: Date }[];
}

/** Undefined where none is to have it now, and where nothing speaks against its running. */
export async function missingWorkers(
  bus: Bus,
  task: TaskSummary,
  events: readonly TaskEvent[],
): Promise<TaskWorkers | undefined> {
  const { state, waitsFor, dueAt, agent, lane = defaultLane, at } = task;
  if (isTerminal(state) || (waitsFor ?? dueAt) !== undefined) return undefined;
  const last = events.at(-1);
  const runs =
    state === "working" && (last === undefined || last.kind === "started");
  const cards = await bus.instances(agent);
  const living = cards.filter((card) => card.lane === lane);
  if (living.length > 0 && !runs) return undefined;
  const instance = runs ? last?.instance : undefined;
  if (living.some((card) => card.instance === instance)) return undefined;
  const lost = await lostSince(bus, agent, lane, last?.at ?? at);
  const mine = lost.filter((each) => each.instance === instance);
  if (instance !== undefined)
    return { living: living.length, instance, lost: mine };
  const isYoung = Date.now() - at.getTime() < instanceTtlMs; // no heartbeat need tell of it yet
  const hasIt = isYoung || living.some(({ running }) => running > 0);
  if (living.length > 0 && lost.length === 0 && hasIt) return undefined;
  return { living: living.length, lost };
}

/** Without an orchestrator nobody tells of it. */
async function lostSince(bus: Bus, agent: string, lane: string, since: Date) {
  const lost: TaskWorkers["lost"] = [];
  for await (const event of bus.replay({ kind: "agent", agent, since })) {
    const { kind, instance, data } = event;
    if (kind !== "lost" || data["lane"] !== lane) continue;
    const heardAt = new Date(String(data["heardAt"]));
    const isKnown = !Number.isNaN(heardAt.getTime());
    lost.unshift(isKnown ? { instance, heardAt } : { instance });
  }
  return lost;
}

const shown = 3;
const waited = "when the server has waited for it as long as its ackWait";

/** `none: no instance of "writer" lives …` */
export function workersText(
  { state, agent, lane = defaultLane }: TaskSummary,
  { living, instance, lost }: TaskWorkers,
): string {
  const next = living > 0 ? "another" : "the next that starts";
  const heard = lost.slice(0, shown).map(heardText).join(", ");
  if (instance !== undefined)
    return `gone: ${heard || `instance ${instance} was not heard of for ${formatMs(instanceTtlMs)} or longer`}; ${next} gets the task ${waited}`;
  if (living > 0)
    return `may be gone: ${heard || `no instance of "${agent}" that lives had a task in hand when it was last heard of`}; if one had it that has died, ${next} gets it ${waited}`;
  const none = `none: no instance of "${agent}" lives in lane "${lane}"`;
  if (state === "submitted") return `${none}; ${next} gets the task`;
  return `${none}${heard && `, ${heard}`}; ${next} gets the task; if one had it that has died, ${waited}`;
}

function heardText({ instance, heardAt }: TaskWorkers["lost"][number]): string {
  return heardAt === undefined
    ? `instance ${instance} has died`
    : `instance ${instance} was last heard of at ${dateOf(heardAt)}`;
}
