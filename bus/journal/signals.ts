// Signals: values sent to a task while it is under way. Each is one message with a subject of its own, so that one
// sent twice with the same id counts once; it is kept until the task's journal goes or begins anew, so that one sent
// before the task waits for it is there when it does.
import { z } from "zod";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { isConflict, taskUnknown, TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { cancelSignal } from "../../protocol/journal.js";
import { newToken } from "../../protocol/ids.js";
import { parseSignalSubject } from "../../protocol/addresses.js";
import { toNotification } from "../../protocol/rpc.js";
import type { TaskName } from "../../protocol/subjects.js";
import { addressOf } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { endOf, pendingTask, taskSubjectOf } from "../history/history.js";
import {
  lastMessageNow,
  messageMissed,
  newestOnEach,
  type StoredMessage,
} from "../history/stored.js";
import type { Publisher } from "../streams/publisher.js";

export interface Signal {
  name: string;
  id: string;
  value: unknown;
  sequence: number;
  at: Date;
}

export interface SignalOptions {
  /** Sent twice with the same id it counts once. */
  id?: string;
  /** Whose task it is; without it, it is looked for. */
  agent?: string;
}

/** The place of the newest signal of a name, whatever became of it; 0 where there was none. */
export async function lastSignal(
  link: Link,
  task: TaskName,
  name: string,
): Promise<number> {
  const { streams, signalsEver } = link.subjects;
  const subject = signalsEver(task, name);
  return (await lastMessageNow(link, streams.journal, subject))?.sequence ?? 0;
}

const body = z.object({ params: z.object({ value: z.unknown() }) });

/** Undefined for what is no signal (R7). */
function toSignal(stored: StoredMessage): Signal | undefined {
  const { subject, sequence, at, headers } = stored;
  try {
    const { name, id } = parseSignalSubject(subject);
    const message = decodeBody(stored.body, headers.contentType);
    const { value } = body.parse(message).params;
    return { name, id, value, sequence, at };
  } catch {
    return undefined;
  }
}

/** The signals that were sent to a task, oldest first. */
export async function readSignals(
  link: Link,
  task: TaskName,
): Promise<Signal[]> {
  const { streams, signalsTo } = link.subjects;
  const subject = signalsTo(task);
  const stored = await newestOnEach(link, streams.journal, subject);
  for (;;) {
    const after = stored.at(-1)?.sequence ?? 0;
    const missed = await messageMissed(link, streams.journal, subject, after);
    if (!missed) break;
    stored.push(missed);
  }
  return stored.map(toSignal).filter((signal) => signal !== undefined);
}

/** Whether a signal asks that it be canceled, and why. */
export function cancelAsked(signals: readonly Signal[]): string | undefined {
  const asked = signals.find(({ name }) => name === cancelSignal);
  return asked && (typeof asked.value === "string" ? asked.value : "");
}

/** Stores it. True unless there was one with this id, or, where that is said, one of its name after that place. */
export async function storeSignal(
  link: Link,
  publisher: Publisher,
  task: TaskName,
  {
    name,
    value,
    id = newToken(),
    after,
  }: { name: string; value: unknown; id?: string; after?: number },
): Promise<boolean> {
  const { signalEver, signalsEver } = link.subjects;
  const headers = encodeHeaders({
    type: "task.signal",
    sender: link.origin,
    expectedLastSubjectSequence: String(after ?? 0),
    expectedLastSubject:
      after === undefined
        ? signalEver(task, name, id)
        : signalsEver(task, name),
  });
  const message = encodeBody(
    toNotification("notifications/tasks/signal", {
      name,
      value: value ?? null,
    }),
  );
  try {
    await publisher.store(
      link.subjects.signal(task, name, id),
      headers,
      message,
    );
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/**
 * Sends a signal to a task that has not ended. False where it had one with this id, or one of its name after the place
 * that is given. Throws TASK_UNKNOWN, TASK_ENDED, ARGUMENT_INVALID.
 */
export async function sendSignal(
  link: Link,
  publisher: Publisher,
  taskId: string,
  signal: { name: string; value: unknown; after?: number },
  { id, agent }: SignalOptions = {},
): Promise<boolean> {
  if (signal.name.startsWith("$"))
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `a signal cannot be named "${signal.name}": names with "$" are the bus's own`,
    );
  const task = { agent: await agentOf(link, taskId, agent), taskId };
  return storeSignal(link, publisher, task, {
    ...signal,
    ...(id === undefined ? {} : { id }),
  });
}

async function agentOf(
  link: Link,
  taskId: string,
  agent?: string,
): Promise<string> {
  // In this order: it may end in between.
  const pending = await pendingTask(link, taskId, agent);
  const end = await endOf(link, taskId, agent);
  if (end && !(pending && pending.at > end.at))
    throw new TroupeError(
      "TASK_ENDED",
      `task "${taskId}" has ended, and takes no signal any more`,
    );
  if (pending) return addressOf(taskSubjectOf(pending)).agent;
  throw taskUnknown(taskId);
}
