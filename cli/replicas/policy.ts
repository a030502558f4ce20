// How many replicas there should be, from what was seen. Pure: it is handed the time and does nothing.
//
// 1. The number never leaves its bounds.
// 2. More only when tasks wait too long (or will, at the rate at which they end) although the replicas are busy,
//    and that for a while: where slots are free, tasks wait for something else (their key, a pause, a rate).
//    At most twice as many at a time, and the next step only when these serve.
// 3. Fewer only when a smaller crew would have been no more than `easy` busy for all of `idleMs` since the last
//    change. More comes at `busy` and above, so the load that made it fewer does not make it more again.
import { formatMs } from "../../protocol/duration.js";
import type { Bounds } from "./bounds.js";

export interface ScalingSettings extends Bounds {
  /** A task that waits longer than this waits too long. */
  latencyMs: number;
  /** Replicas that were not needed for so long go. */
  idleMs: number;
  /** The machine's. */
  cores: number;
}

/** One agent, whose slots are its own. */
export interface AgentSeen {
  agent: string;
  /** Tasks that nobody has in hand. */
  waiting: number;
  oldestWaitMs: number;
  /** In hand at our replicas, of so many slots of all those that serve. */
  inHand: number;
  slots: number;
  /** Tasks that ended a second, of late. */
  rate: number;
}

export interface Observation {
  /** Milliseconds, on a clock that only goes forward. */
  at: number;
  agents: readonly AgentSeen[];
  /** Replicas that take tasks. */
  serving: number;
  /** How busy their event loops are, on average: 0 to 1. */
  loop: number;
  /** Cores that they use together. */
  cpu: number;
}

export interface Scaling {
  wanted: number;
  /** Since when tasks wait too long. */
  lateSince: number | undefined;
  /** What would have been enough, of late. */
  enough: readonly { at: number; replicas: number }[];
}

export interface Decision {
  scaling: Scaling;
  /** Why the number has changed; undefined when it has not. */
  reason: string | undefined;
}

/** Above it, replicas count as busy; a smaller crew must be below the other. */
const busy = 0.8;
const easy = 0.6;
const lateForMs = 1_500;

export function startScaling({ least }: Bounds): Scaling {
  return { wanted: least, lateSince: undefined, enough: [] };
}

export function decide(
  scaling: Scaling,
  seen: Observation,
  settings: ScalingSettings,
): Decision {
  const late = latest(seen, settings);
  const lateSince = late && (scaling.lateSince ?? seen.at);
  // While some are only starting, or starting again, nobody can say how many would do.
  const isMeasure = !late && seen.serving >= scaling.wanted;
  const replicas = isMeasure ? enoughFor(seen) : scaling.wanted;
  const enough = remember(scaling.enough, { at: seen.at, replicas }, settings);
  const kept = { ...scaling, lateSince, enough };
  return late && seen.at - lateSince! >= lateForMs
    ? up(kept, seen, late, settings)
    : down(kept, seen, settings);
}

/** The agent whose tasks wait longest, if it is too long and more replicas may help. */
function latest(
  { agents, serving, loop }: Observation,
  { latencyMs }: ScalingSettings,
): AgentSeen | undefined {
  if (serving === 0) return undefined;
  const late = agents.filter(
    (agent) =>
      agent.waiting > 0 &&
      Math.max(taken(agent), loop) >= busy &&
      Math.max(agent.oldestWaitMs, expectedWaitMs(agent)) >= latencyMs,
  );
  return late.sort((a, b) => b.oldestWaitMs - a.oldestWaitMs)[0];
}

/** Of the task that came last. */
const expectedWaitMs = ({ waiting, rate }: AgentSeen): number =>
  (waiting / rate) * 1_000;

const taken = ({ inHand, slots }: AgentSeen): number =>
  slots === 0 ? 0 : inHand / slots;

const enoughFor = ({ agents, loop, serving }: Observation): number =>
  Math.ceil((Math.max(0, loop, ...agents.map(taken)) * serving) / easy);

function up(
  scaling: Scaling,
  seen: Observation,
  late: AgentSeen,
  { most, cores, latencyMs }: ScalingSettings,
): Decision {
  const { wanted } = scaling;
  const { serving, cpu, loop } = seen;
  const coresUsedUp = cpu >= 0.9 * cores && serving >= cores;
  if (serving < wanted || wanted >= most || coresUsedUp)
    return { scaling, reason: undefined };
  const inTime = Math.ceil(serving * (1 + expectedWaitMs(late) / latencyMs));
  const useful = late.waiting + late.inHand; // a task is in one replica's hands only
  const target = Math.max(wanted + 1, Math.min(wanted * 2, inTime, useful));
  const waiting = `${late.waiting === 1 ? "1 task" : `${late.waiting} tasks`} of "${late.agent}" wait, the oldest for ${formatMs(Math.round(late.oldestWaitMs))}`;
  const reason = `${waiting}, and ${usageOf(late, loop)}`;
  return changed(scaling, Math.min(most, target), reason);
}

function down(
  scaling: Scaling,
  seen: Observation,
  { least, idleMs }: ScalingSettings,
): Decision {
  const { wanted, enough } = scaling;
  const needed = Math.max(least, ...enough.map(({ replicas }) => replicas));
  const seenForMs = seen.at - enough[0]!.at;
  if (needed >= wanted || seenForMs < idleMs)
    return { scaling, reason: undefined };
  const reason = `${needed} would have been enough for the last ${formatMs(idleMs)}`;
  return changed(scaling, needed, reason);
}

/** What is too old to matter goes; one that is just too old stays, so that all of the time is known to be covered. */
function remember(
  enough: Scaling["enough"],
  newest: Scaling["enough"][number],
  { idleMs }: ScalingSettings,
): Scaling["enough"] {
  const from = enough.findLastIndex(({ at }) => newest.at - at >= idleMs);
  return [...enough.slice(Math.max(0, from)), newest];
}

function changed(scaling: Scaling, wanted: number, reason: string): Decision {
  const fresh = { wanted, lateSince: undefined, enough: [] };
  return { scaling: { ...scaling, ...fresh }, reason };
}

function usageOf(agent: AgentSeen, loop: number): string {
  return loop > taken(agent)
    ? `the event loops are ${Math.round(loop * 100)}% busy`
    : `${agent.inHand} of ${agent.slots} slots are taken`;
}
