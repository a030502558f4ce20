// Which agents there are, who runs them, how loaded they are, and how their tasks ended in the part of the log
// that is looked at.
import { z } from "zod";
import { queueStates } from "../../bus/history/history.js";
import type { AgentCard, InstanceCard } from "../../protocol/card.js";
import { isTerminal } from "../../protocol/task.js";
import { fromCursor, toCursor } from "./cursor.js";
import type { Fact } from "../view/fact.js";
import type { Answer, Query, Tally } from "./queries.js";
import type { View } from "./view.js";

export async function queryAgents(
  view: View,
  query: Query<"agents">,
): Promise<Answer<"agents">> {
  const [{ projection, standing }, cards, instances, queues] =
    await Promise.all([
      view.upToDate(),
      view.registry.agents(),
      view.registry.instances(query.agent),
      queueStates(view.link),
    ]);
  const { agent, lane, limit } = query;
  const after = fromCursor(query, place);
  const lengths = new Map(queues.map(({ name, messages }) => [name, messages]));
  const wanted = cards.filter(
    (card) =>
      (agent === undefined || card.name === agent) &&
      (lane === undefined || card.lane === lane) &&
      (after === undefined || comesAfter(card, after)),
  );
  const page = wanted.slice(0, limit);
  const tallies = tallyByLane(projection.oldestFirst(), agent);
  const agents = page.map((card) => {
    const waiting = lengths.get(view.link.subjects.queue(card.name)) ?? 0;
    const mine = instances.filter((instance) => isOf(instance, card));
    return toFound(card, mine, waiting, tallies.get(laneOf(card)));
  });
  const { name, lane: lastLane } = page.at(-1) ?? {};
  return {
    agents,
    ...(wanted.length > page.length
      ? { cursor: toCursor(query, { name, lane: lastLane }) }
      : {}),
    log: standing(),
  };
}

/** In the order of the registry: by name, then by lane. */
const place = z.object({ name: z.string(), lane: z.string() });

function comesAfter(
  { name, lane }: AgentCard,
  after: z.infer<typeof place>,
): boolean {
  return (name.localeCompare(after.name) || lane.localeCompare(after.lane)) > 0;
}

function toFound(
  card: AgentCard,
  instances: InstanceCard[],
  waiting: number,
  tallies: LaneTally | undefined,
): Answer<"agents">["agents"][number] {
  const { name, lane, version, description, labels } = card;
  const sum = (field: "running" | "concurrency") =>
    instances.reduce((total, instance) => total + instance[field], 0);
  const skills = [...(tallies?.skills ?? [])];
  return {
    name,
    lane,
    version,
    description,
    labels,
    instances: instances.map(toFoundInstance).toSorted(byStart),
    load: sum("running") / Math.max(1, sum("concurrency")),
    waiting,
    ended: (tallies?.all ?? new Tallying()).result(),
    skills: skills
      .map(([skill, tally]) => ({ skill, ended: tally.result() }))
      .toSorted((one, other) => one.skill.localeCompare(other.skill)),
  };
}

function toFoundInstance(card: InstanceCard) {
  const { instance, version, state, concurrency, running } = card;
  const { latencyMs, startedAt, pid } = card;
  return {
    instance,
    version,
    state,
    concurrency,
    running,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    startedAt,
    pid,
  };
}

function byStart(one: { startedAt: string }, other: { startedAt: string }) {
  return one.startedAt.localeCompare(other.startedAt);
}

function isOf({ agent, lane }: InstanceCard, card: AgentCard): boolean {
  return agent === card.name && lane === card.lane;
}

function laneOf({ name, lane }: { name: string; lane: string }): string {
  return `${lane} ${name}`;
}

interface LaneTally {
  all: Tallying;
  skills: Map<string, Tallying>;
}

function tallyByLane(
  facts: Iterable<Fact>,
  agent: string | undefined,
): Map<string, LaneTally> {
  const lanes = new Map<string, LaneTally>();
  for (const fact of facts) {
    if (agent !== undefined && fact.agent !== agent) continue;
    const key = laneOf({ name: fact.agent, lane: fact.lane });
    const lane = lanes.get(key) ?? { all: new Tallying(), skills: new Map() };
    lanes.set(key, lane);
    lane.all.add(fact);
    const skill = lane.skills.get(fact.skill) ?? new Tallying();
    lane.skills.set(fact.skill, skill);
    skill.add(fact);
  }
  return lanes;
}

class Tallying {
  readonly #counts = { completed: 0, failed: 0, canceled: 0, rejected: 0 };
  readonly #took: number[] = [];
  #retried = 0;

  add({ kind, tookMs }: Fact): void {
    if (kind === "attempt") this.#retried++;
    if (!isTerminal(kind)) return;
    this.#counts[kind]++;
    if (kind === "completed") this.#took.push(tookMs);
  }

  result(): Tally {
    const sorted = Float64Array.from(this.#took).sort();
    const at = (part: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ??
      0;
    const [p50Ms, p95Ms, p99Ms] = [at(0.5), at(0.95), at(0.99)];
    return { ...this.#counts, retried: this.#retried, p50Ms, p95Ms, p99Ms };
  }
}
