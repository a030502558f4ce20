// What there is, to be read by people and programs: which agents fit a description, and how that changes.
import type {
  AgentCard,
  InstanceCard,
  Labels,
  SkillCard,
} from "../../protocol/card.js";
import { hasCode } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";
import type { AgentChange, Directory } from "./directory.js";
import { Queue } from "../history/queue.js";
import type { Candidate } from "../routing/candidate.js";
import { byRank, placeOf } from "../routing/strategies.js";

/** What to look for; all of what is given must fit. */
export interface DiscoverFilter {
  agent?: string;
  skill?: string;
  tag?: string;
  version?: string;
  labels?: Labels;
  text?: string;
}

/** A lane of an agent that fits, with the skills and instances for which it does. */
export interface Discovered {
  agent: string;
  lane: string;
  /** The oldest that lives; of the card, where none does. */
  version: string;
  description: string;
  /** What all its living instances have in common. */
  labels: Labels;
  skills: SkillCard[];
  instances: InstanceCard[];
  /** How well it fits plain words, from 0 to 1. */
  score?: number;
}

/** What is there now, then what changes, until the reader stops or the connection closes. Heartbeats that say nothing new are left out. */
export async function* watchAgents(
  link: Link,
  directory: Directory,
  filter: { agent?: string } = {},
): AsyncGenerator<AgentChange, void, undefined> {
  const queue = new Queue<AgentChange>();
  const wanted = (change: AgentChange) =>
    change.kind !== "heartbeat" &&
    (filter.agent === undefined || filter.agent === change.agent);
  await directory.open();
  for (const { agent, lane, card, instances } of directory.lanes())
    for (const change of [
      { kind: "announced" as const, agent, lane, card },
      ...[...instances.values()].map((instance) => ({
        kind: "joined" as const,
        agent,
        lane,
        instance,
      })),
    ])
      if (wanted(change)) queue.push(change);
  const stops = [
    directory.onChange((change) => {
      if (wanted(change)) queue.push(change);
    }),
    link.onClose((error) => queue.fail(error)),
  ];
  try {
    for (;;) yield await queue.next();
  } catch (error) {
    if (hasCode(error, "CONNECTION_CLOSED")) return;
    throw error;
  } finally {
    for (const stop of stops) stop();
  }
}

/** Candidates by lane, each with the skills that fit. */
export function gathered(fitting: Candidate[], byText: boolean): Discovered[] {
  const found = new Map<string, Discovered>();
  for (const candidate of fitting.sort(byRank)) {
    const { lane, skill, score } = candidate;
    const known = found.get(placeOf(candidate));
    if (known) {
      known.skills.push(skill);
      continue;
    }
    found.set(placeOf(candidate), {
      agent: lane.agent,
      lane: lane.lane,
      version: lane.version,
      description: lane.card.description,
      labels: lane.labels,
      skills: [skill],
      instances: [...lane.instances.values()],
      ...(byText ? { score } : {}),
    });
  }
  const all = [...found.values()];
  return byText ? all : all.sort(byAgent);
}

function byAgent(
  one: Pick<Discovered, "agent" | "lane">,
  other: Pick<AgentCard, "lane"> & { agent: string },
): number {
  return (
    one.agent.localeCompare(other.agent) || one.lane.localeCompare(other.lane)
  );
}
