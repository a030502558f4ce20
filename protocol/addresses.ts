// Whose a message is, read from its subject.
import { TroupeError } from "./errors.js";
import { isLevel, type Level } from "./levels.js";
import { decodeToken, nameIn, tokenAt } from "./tokens.js";

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

export interface AgentEventAddress {
  agent: string;
  /** Which of its instances; "-" where it is about none. */
  instance: string;
  /** A plain token. */
  kind: string;
}

/** What is left out, or undefined, may be anything. */
export type Where<Of> = { [Name in keyof Of]?: Of[Name] | undefined };

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
    taskId: nameIn(subject.slice(end + 1)),
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
    agent: nameIn(agent),
    lane: nameIn(lane),
    skill: nameIn(skill),
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
    agent: nameIn(agent),
    lane: nameIn(lane),
    place: decodeToken(place),
    taskId: nameIn(taskId),
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

/** Of an event: whether it happened to an agent, and not to a task. */
export function isAgentSubject(subject: string): boolean {
  return tokenAt(subject, 2) === "agent";
}

export function parseAgentEventSubject(subject: string): AgentEventAddress {
  const [, event, kindOf, agent, instance, kind, ...rest] = subject.split(".");
  if (
    event !== "event" ||
    kindOf !== "agent" ||
    !agent ||
    !instance ||
    !kind ||
    rest.length > 0
  )
    throw unreadable(
      subject,
      "{namespace}.event.agent.{agent}.{instance}.{kind}",
    );
  return { agent: decodeToken(agent), instance: decodeToken(instance), kind };
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

/** Of a journal's subject. */
export function parseJournalSubject(subject: string): {
  agent: string;
  taskId: string;
} {
  const [, kind, agent, taskId, part, ...rest] = subject.split(".");
  if (
    kind !== "journal" ||
    part !== "entries" ||
    !agent ||
    !taskId ||
    rest.length > 0
  )
    throw unreadable(subject, "{namespace}.journal.{agent}.{taskId}.entries");
  return { agent: decodeToken(agent), taskId: decodeToken(taskId) };
}

/** Of a signal's subject. */
export function parseSignalSubject(subject: string): {
  agent: string;
  taskId: string;
  name: string;
  id: string;
} {
  const [, kind, agent, taskId, part, name, id, ...rest] = subject.split(".");
  if (
    kind !== "journal" ||
    part !== "signal" ||
    !agent ||
    !taskId ||
    !name ||
    !id ||
    rest.length > 0
  )
    throw unreadable(
      subject,
      "{namespace}.journal.{agent}.{taskId}.signal.{name}.{id}",
    );
  return {
    agent: decodeToken(agent),
    taskId: decodeToken(taskId),
    name: decodeToken(name),
    id: decodeToken(id),
  };
}
