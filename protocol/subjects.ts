// The one place where subjects are built; protocol/addresses.ts reads them. The namespace stands first, so that
// many troupes can share a cluster; names from outside become safe tokens, one token a name.
import type {
  AgentEventAddress,
  KeyedAddress,
  TaskAddress,
  TaskEventAddress,
  Where,
} from "./addresses.js";
import { TroupeError } from "./errors.js";
import { levels, type Level } from "./levels.js";
import { contextToken, encodeToken, keyToken, queueToken } from "./tokens.js";

export const defaultNamespace = "troupe";
export const defaultLane = "main";
/** The agent that answers for the whole. */
export const orchestratorName = "orchestrator";
export const planSkillName = "plan.run";

/** The server hashes keys to this many partitions an agent and lane; changing it would break the order of tasks under way. */
export const partitionCount = 32;

/** What a stateful agent's machine emitted. */
export interface EmittedAddress {
  agent: string;
  context: string;
  type: string;
  taskId: string;
  /** Its place among what the handling of this task emitted. */
  index: number;
}

function anyOr(name: string | undefined, what?: string): string {
  return name === undefined ? "*" : encodeToken(name, what);
}

/** A task's timer; without an agent, those of all agents with a task of this id. */
interface TimerAddress {
  agent: string | undefined;
  taskId: string;
}

export interface TaskName {
  agent: string;
  taskId: string;
}

const taskTokens = ({ agent, taskId }: TaskName): string =>
  `${encodeToken(agent, "agent")}.${encodeToken(taskId, "task id")}`;

const timerTokens = ({ agent, taskId }: TimerAddress): string =>
  `${anyOr(agent, "agent")}.${encodeToken(taskId, "task id")}`;

/** One schedule, or all of them. */
export type WakeUp = { name: string } | "all";

const wakeUpTokens = (of: WakeUp): string =>
  of === "all" ? "sweep.all" : `next.${encodeToken(of.name, "schedule")}`;

/** Of an ask's subject: who asks by hand need not know of lanes. */
const laneSuffix = (lane: string): string =>
  lane === defaultLane ? "" : `.${encodeToken(lane, "lane")}`;

/** The origin of tasks that were submitted without one, by a bare NATS client. */
export const noOrigin = "-";

export type Subjects = ReturnType<typeof subjectsOf>;

/** All subjects and stream names of a namespace. Throws ARGUMENT_INVALID for a namespace that is no plain token. */
export function subjectsOf(namespace: string) {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(namespace)) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `namespace ${JSON.stringify(namespace)} must be 1 to 32 letters, digits, "_" or "-"`,
    );
  }
  const ns = namespace;
  const token = encodeToken;
  return {
    namespace,
    streams: {
      events: `${ns}_EVENTS`,
      dead: `${ns}_DEAD`,
      timers: `${ns}_TIMERS`,
      journal: `${ns}_JOURNAL`,
    },
    /** The stream of an agent's tasks. */
    queue: (agent: string) => `${ns}_QUEUE_${queueToken(agent)}`,
    /** What a queue takes: no more than workers look for, so that the server refuses what would wait for ever. */
    queued: (agent: string) => [
      ...levels.map((level) => `${ns}.task.${level}.${token(agent)}.*.*.*`),
      `${ns}.keyed.${token(agent)}.*.*.*`,
    ],
    /** How the queue stores a keyed task: the server hashes the key to a partition. */
    partitioning: (agent: string) => ({
      src: `${ns}.keyed.${token(agent)}.*.*.*`,
      dest: `${ns}.partition.${token(agent)}.{{wildcard(1)}}.{{partition(${partitionCount},2)}}.{{wildcard(3)}}`,
    }),
    /** What is emitted is told again by the server once it is on the log. */
    retold: { src: `${ns}.event.context.>`, dest: `${ns}.stored.context.>` },
    buckets: {
      agents: `${ns}_agents`,
      instances: `${ns}_instances`,
      settings: `${ns}_settings`,
      state: `${ns}_state`,
      /** Who leads; only orchestrators look into it. */
      leases: `${ns}_leases`,
      limits: `${ns}_limits`,
      schedules: `${ns}_schedules`,
      plans: `${ns}_plans`,
    },

    task: (to: TaskAddress) =>
      `${ns}.task.${to.level}.${token(to.agent, "agent")}.${token(to.lane, "lane")}.${token(to.skill, "skill")}.${token(to.taskId, "task id")}`,
    tasksOf: (level: Level, agent: string, lane: string) =>
      `${ns}.task.${level}.${token(agent)}.${token(lane)}.*.*`,
    /** Of tasks that wait. */
    tasksWhere: (where: Where<TaskAddress>) =>
      `${ns}.task.${where.level ?? "*"}.${anyOr(where.agent)}.${anyOr(where.lane)}.${anyOr(where.skill)}.${anyOr(where.taskId)}`,
    taskById: (taskId: string) =>
      `${ns}.task.*.*.*.*.${token(taskId, "task id")}`,

    keyed: (to: KeyedAddress) =>
      `${ns}.keyed.${token(to.agent, "agent")}.${token(to.lane, "lane")}.${keyToken(to.key)}.${token(to.taskId, "task id")}`,
    keyedOf: (agent: string, lane: string) =>
      `${ns}.keyed.${token(agent)}.${token(lane)}.*.*`,
    partitionsOf: (
      agent: string,
      lane: string,
      partition: number | "*" = "*",
    ) => `${ns}.partition.${token(agent)}.${token(lane)}.${partition}.*`,
    partitionedWhere: (where: Where<TaskName & { lane: string }>) =>
      `${ns}.partition.${anyOr(where.agent)}.${anyOr(where.lane)}.*.${anyOr(where.taskId)}`,
    partitionedById: (taskId: string) =>
      `${ns}.partition.*.*.*.${token(taskId, "task id")}`,

    taskEvent: (to: TaskEventAddress) =>
      `${ns}.event.task.${token(to.agent, "agent")}.${token(to.taskId, "task id")}.${to.kind}.${to.origin}`,
    /** What stands before the agent in the subjects of all tasks' events. */
    taskEventPrefix: `${ns}.event.task.`,
    taskEventsWhere: (where: Where<TaskEventAddress>) =>
      `${ns}.event.task.${anyOr(where.agent)}.${anyOr(where.taskId, "task id")}.${where.kind ?? "*"}.${where.origin ?? "*"}`,
    agentEvent: (of: AgentEventAddress) =>
      `${ns}.event.agent.${token(of.agent, "agent")}.${token(of.instance, "instance")}.${of.kind}`,
    agentEventsWhere: (where: Where<AgentEventAddress>) =>
      `${ns}.event.agent.${anyOr(where.agent)}.${anyOr(where.instance)}.${where.kind ?? "*"}`,
    emitted: (from: EmittedAddress) =>
      `${ns}.event.context.${token(from.agent, "agent")}.${contextToken(from.context)}.${token(from.type, "event type")}.${token(from.taskId, "task id")}.${from.index}`,
    /** As they are stored, or as the server tells of them then. */
    emittedWhere: (
      where: { agent: string; context?: string; type?: string },
      kind: "event" | "stored" = "event",
    ) =>
      `${ns}.${kind}.context.${token(where.agent, "agent")}.${where.context === undefined ? "*" : contextToken(where.context)}.${anyOr(where.type)}.*.*`,
    /** Where the submitters of an origin are told of ends that are on the log. */
    ended: (agent: string, origin: string) =>
      `${ns}.ended.${token(agent)}.${origin}`,
    endedOf: (origin: string) => `${ns}.ended.*.${origin}`,
    /** Where the server acknowledges an end to who stores it and to who waits for it. */
    confirmation: (origin: string, publisher: string, id: string) =>
      `${ns}.confirm.${origin}.${publisher}.${id}`,
    confirmationsTo: (origin: string) => `${ns}.confirm.${origin}.*.*`,
    confirmationsOf: (publisher: string) => `${ns}.confirm.*.${publisher}.*`,

    dead: (agent: string, skill: string, taskId: string) =>
      `${ns}.dead.${token(agent)}.${token(skill)}.${token(taskId, "task id")}`,
    deadWhere: (where: Where<TaskName & { skill: string }>) =>
      `${ns}.dead.${anyOr(where.agent)}.${anyOr(where.skill)}.${anyOr(where.taskId, "task id")}`,

    timer: (of: TimerAddress) => `${ns}.timer.${timerTokens(of)}`,
    due: (of: TimerAddress) => `${ns}.due.${timerTokens(of)}`,
    allDue: `${ns}.due.*.*`,
    /** A schedule's wake-up for its next firing, or that of the look at all of them. */
    wakeUp: (of: WakeUp) => `${ns}.timer.schedule.${wakeUpTokens(of)}`,
    wokenUp: (of: WakeUp) => `${ns}.due.schedule.${wakeUpTokens(of)}`,
    allWokenUp: `${ns}.due.schedule.*.*`,

    /** What the handler of a task has done. */
    journal: (of: TaskName) => `${ns}.journal.${taskTokens(of)}.entries`,
    /** That of whatever agent's task of this id. */
    journalById: (taskId: string) =>
      `${ns}.journal.*.${token(taskId, "task id")}.entries`,
    /** What of it is larger than a message. */
    journalParts: (of: TaskName) => `${ns}.journal.${taskTokens(of)}.parts`,
    signal: (of: TaskName, name: string, id: string) =>
      `${ns}.journal.${taskTokens(of)}.signal.${token(name, "signal")}.${token(id, "signal id")}`,
    /** That there was one, which has been used up and removed. */
    usedSignal: (of: TaskName, name: string, id: string) =>
      `${ns}.journal.${taskTokens(of)}.used.${token(name, "signal")}.${token(id, "signal id")}`,
    /** Both. */
    signalEver: (of: TaskName, name: string, id: string) =>
      `${ns}.journal.${taskTokens(of)}.*.${token(name, "signal")}.${token(id, "signal id")}`,
    /** Of whatever id. */
    signalsEver: (of: TaskName, name: string) =>
      `${ns}.journal.${taskTokens(of)}.*.${token(name, "signal")}.*`,
    signalsTo: (of: TaskName) => `${ns}.journal.${taskTokens(of)}.signal.*.*`,
    /** A task's journal and its signals. */
    journalOf: (of: TaskName) => `${ns}.journal.${taskTokens(of)}.>`,
    signalsOf: (agent: string) =>
      `${ns}.journal.${token(agent, "agent")}.*.signal.*.*`,
    allSignals: `${ns}.journal.*.*.signal.*.*`,
    allJournals: `${ns}.journal.*.*.entries`,

    ask: (agent: string, skill: string, lane = defaultLane) =>
      `${ns}.ask.${token(agent, "agent")}.${token(skill, "skill")}${laneSuffix(lane)}`,
    asksOf: (agent: string, lane = defaultLane) =>
      `${ns}.ask.${token(agent)}.*${laneSuffix(lane)}`,
    live: (agent: string, taskId: string) =>
      `${ns}.live.${token(agent)}.${token(taskId, "task id")}`,
    liveOf: (where: Where<TaskName>) =>
      `${ns}.live.${anyOr(where.agent)}.${anyOr(where.taskId, "task id")}`,
    control: (agent: string, verb: string) =>
      `${ns}.control.${token(agent)}.${verb}`,

    all: {
      tasks: `${ns}.task.>`,
      partitioned: `${ns}.partition.>`,
      events: `${ns}.event.>`,
      dead: `${ns}.dead.>`,
      timers: [`${ns}.timer.>`, `${ns}.due.>`],
      journal: `${ns}.journal.>`,
    },
  };
}

/** Where the server will store a keyed task, told from its subject: the server's hash is FNV-1a. */
export function partitionOf(keyToken: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(keyToken)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % partitionCount;
}
