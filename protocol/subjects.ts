// The one place where subjects are built and parsed. The namespace stands first, so that many troupes
// can share a cluster; names from outside become safe tokens, one token a name.
import { createHash } from "node:crypto";
import { TroupeError } from "./errors.js";
import { isLevel, levels, type Level } from "./levels.js";

export const defaultNamespace = "troupe";
export const defaultLane = "main";

/** The server hashes keys to this many partitions an agent and lane; changing it would break the order of tasks under way. */
export const partitionCount = 32;

/** A subject must fit in the server's control line together with the reply subject. */
const maxTokenLength = 256;

const safe = /^[A-Za-z0-9_~-]+$/;

/** Any text as one subject token: whatever is not a letter, digit, `_`, `~` or `-` becomes `%` and hex. */
export function encodeToken(name: string, what = "name"): string {
  if (safe.test(name) && name.length <= maxTokenLength) return name;
  if (typeof name !== "string" || name === "") {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `${what} ${JSON.stringify(name)} is empty: give it at least one character`,
    );
  }
  if (name.length > maxTokenLength) throw tooLong(name, what);
  if (/\p{Surrogate}/u.test(name)) throw halfCharacter(name, what);
  let token = "";
  for (const byte of Buffer.from(name, "utf8")) {
    const char = String.fromCharCode(byte);
    token +=
      byte < 128 && safe.test(char)
        ? char
        : `%${byte.toString(16).padStart(2, "0")}`;
  }
  if (token.length > maxTokenLength) throw tooLong(name, what);
  return token;
}

/** Of a key only its hash matters; a long one is hashed here already, so that it fits into a subject. */
function keyToken(key: string): string {
  if (key.length <= maxPlainKey) return encodeToken(key, "key");
  return createHash("sha256").update(key).digest("hex");
}

const maxPlainKey = 64;

/** A stream's name may have no more than 255 characters. */
const maxQueueToken = 200;

function queueToken(agent: string): string {
  const token = encodeToken(agent, "agent");
  if (token.length <= maxQueueToken) return token;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `agent "${agent.slice(0, 24)}…" has a name too long for its queue: at most ${maxQueueToken} characters, encoded`,
  );
}

function tooLong(name: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} "${name.slice(0, 24)}…" has ${name.length} characters: at most ${maxTokenLength} fit into a subject, encoded`,
  );
}

function halfCharacter(name: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} ${JSON.stringify(name)} has half a character, a surrogate without its other: use whole text`,
  );
}

export function decodeToken(token: string): string {
  if (!token.includes("%")) return token;
  const bytes: number[] = [];
  for (let at = 0; at < token.length; at++) {
    if (token[at] === "%") {
      bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(token.charCodeAt(at));
  }
  return Buffer.from(bytes).toString("utf8");
}

/** The token at a place of a subject, from 0, without splitting the rest. */
export function tokenAt(subject: string, place: number): string {
  let start = 0;
  for (; place > 0; place--) start = subject.indexOf(".", start) + 1;
  const end = subject.indexOf(".", start);
  return subject.slice(start, end === -1 ? subject.length : end);
}

export interface TaskAddress {
  agent: string;
  skill: string;
  taskId: string;
  lane: string;
  level: Level;
}

/** Where a task with a key is sent. It has no level, for its order counts more; its skill stands in the body. */
export interface KeyedAddress {
  agent: string;
  lane: string;
  key: string;
  taskId: string;
}

export interface TaskEventAddress {
  agent: string;
  taskId: string;
  kind: string;
  /** Whose connection submitted the task; it hears its tasks' events by one subscription. */
  origin: string;
}

export interface EventFilter {
  agent?: string;
  taskId?: string;
  kind?: string;
  origin?: string;
}

function eventTokens(where: EventFilter): string {
  const agent = where.agent === undefined ? "*" : encodeToken(where.agent);
  const taskId =
    where.taskId === undefined ? "*" : encodeToken(where.taskId, "task id");
  return `${agent}.${taskId}.${where.kind ?? "*"}.${where.origin ?? "*"}`;
}

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
    buckets: { agents: `${ns}_agents` },

    task: (to: TaskAddress) =>
      `${ns}.task.${to.level}.${token(to.agent, "agent")}.${token(to.lane, "lane")}.${token(to.skill, "skill")}.${token(to.taskId, "task id")}`,
    tasksOf: (level: Level, agent: string, lane: string) =>
      `${ns}.task.${level}.${token(agent)}.${token(lane)}.*.*`,
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
    partitionedById: (taskId: string) =>
      `${ns}.partition.*.*.*.${token(taskId, "task id")}`,

    taskEvent: (to: TaskEventAddress) =>
      `${ns}.event.task.${token(to.agent, "agent")}.${token(to.taskId, "task id")}.${to.kind}.${to.origin}`,
    taskEventsWhere: (where: EventFilter) =>
      `${ns}.event.task.${eventTokens(where)}`,
    /** Where the server tells of an event once it is on the log, and only then. */
    storedEventsWhere: (where: EventFilter) =>
      `${ns}.stored.task.${eventTokens(where)}`,
    agentEvent: (agent: string, instance: string, kind: string) =>
      `${ns}.event.agent.${token(agent)}.${token(instance)}.${kind}`,
    agentEventsWhere: (where: { agent?: string; kind?: string }) =>
      `${ns}.event.agent.${where.agent === undefined ? "*" : token(where.agent)}.*.${where.kind ?? "*"}`,

    dead: (agent: string, skill: string, taskId: string) =>
      `${ns}.dead.${token(agent)}.${token(skill)}.${token(taskId, "task id")}`,
    deadWhere: (where: { agent?: string; skill?: string; taskId?: string }) =>
      `${ns}.dead.${where.agent === undefined ? "*" : token(where.agent)}.${where.skill === undefined ? "*" : token(where.skill)}.${where.taskId === undefined ? "*" : token(where.taskId, "task id")}`,

    timer: (id: string) => `${ns}.timer.${token(id, "timer id")}`,
    due: (id: string) => `${ns}.due.${token(id, "timer id")}`,

    ask: (agent: string, skill: string) =>
      `${ns}.ask.${token(agent, "agent")}.${token(skill, "skill")}`,
    asksOf: (agent: string) => `${ns}.ask.${token(agent)}.*`,
    live: (agent: string, taskId: string) =>
      `${ns}.live.${token(agent)}.${token(taskId, "task id")}`,
    liveOf: (where: { agent?: string; taskId?: string }) =>
      `${ns}.live.${where.agent === undefined ? "*" : token(where.agent)}.${where.taskId === undefined ? "*" : token(where.taskId, "task id")}`,
    control: (agent: string, verb: string) =>
      `${ns}.control.${token(agent)}.${verb}`,

    all: {
      tasks: `${ns}.task.>`,
      partitioned: `${ns}.partition.>`,
      events: `${ns}.event.>`,
      dead: `${ns}.dead.>`,
      timers: [`${ns}.timer.>`, `${ns}.due.>`],
      stored: `${ns}.stored.>`,
    },
  };
}

/** All tasks of one skill share what stands before the id; few skills make nearly all of the traffic. */
const prefixes = new Map<string, Omit<TaskAddress, "taskId">>();
const maxPrefixes = 4096;

/** Throws MESSAGE_UNREADABLE for a subject that no task can have. */
export function parseTaskSubject(subject: string): TaskAddress {
  const end = subject.lastIndexOf(".");
  const prefix = subject.slice(0, end);
  let known = prefixes.get(prefix);
  if (!known) {
    known = parseTaskPrefix(subject, prefix);
    if (prefixes.size >= maxPrefixes) prefixes.clear();
    prefixes.set(prefix, known);
  }
  const { level, agent, lane, skill } = known;
  return {
    level,
    agent,
    lane,
    skill,
    taskId: decodeToken(subject.slice(end + 1)),
  };
}

function parseTaskPrefix(
  subject: string,
  prefix: string,
): Omit<TaskAddress, "taskId"> {
  const [, kind, level, agent, lane, skill, ...rest] = prefix.split(".");
  if (
    kind !== "task" ||
    !isLevel(level) ||
    !agent ||
    !lane ||
    !skill ||
    rest.length > 0 ||
    subject.endsWith(".")
  ) {
    throw unreadable(
      subject,
      "{namespace}.task.{level}.{agent}.{lane}.{skill}.{taskId}",
    );
  }
  return {
    level,
    agent: decodeToken(agent),
    lane: decodeToken(lane),
    skill: decodeToken(skill),
  };
}

/** Of a task with a key, as it is sent (`keyed`, with the key) or as its queue stores it (`partition`). */
export function parseKeyedSubject(subject: string): {
  kind: "keyed" | "partition";
  agent: string;
  lane: string;
  /** The key, or the partition. */
  place: string;
  taskId: string;
} {
  const [, kind, agent, lane, place, taskId, ...rest] = subject.split(".");
  const isKeyed = kind === "keyed" || kind === "partition";
  if (!isKeyed || !agent || !lane || !place || !taskId || rest.length > 0)
    throw unreadable(
      subject,
      "{namespace}.keyed.{agent}.{lane}.{key}.{taskId}",
    );
  return {
    kind,
    agent: decodeToken(agent),
    lane: decodeToken(lane),
    place: decodeToken(place),
    taskId: decodeToken(taskId),
  };
}

export function parseTaskEventSubject(subject: string): TaskEventAddress {
  const [, event, kindOf, agent, taskId, kind, origin, ...rest] =
    subject.split(".");
  if (
    (event !== "event" && event !== "stored") ||
    kindOf !== "task" ||
    !agent ||
    !taskId ||
    !kind ||
    !origin ||
    rest.length > 0
  ) {
    throw unreadable(
      subject,
      "{namespace}.event.task.{agent}.{taskId}.{kind}.{origin}",
    );
  }
  return {
    agent: decodeToken(agent),
    taskId: decodeToken(taskId),
    kind,
    origin,
  };
}

export function parseDeadSubject(subject: string): {
  agent: string;
  skill: string;
  taskId: string;
} {
  const [, kind, agent, skill, taskId, ...rest] = subject.split(".");
  if (kind !== "dead" || !agent || !skill || !taskId || rest.length > 0) {
    throw unreadable(subject, "{namespace}.dead.{agent}.{skill}.{taskId}");
  }
  return {
    agent: decodeToken(agent),
    skill: decodeToken(skill),
    taskId: decodeToken(taskId),
  };
}

function unreadable(subject: string, wanted: string): TroupeError {
  return new TroupeError(
    "MESSAGE_UNREADABLE",
    `subject "${subject}" is not of the form ${wanted}`,
  );
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
