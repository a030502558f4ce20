// Canceling a task, whether it waits, is in hand, or is not yet due. The log decides: who stores the first
// terminal event wins (R2); what follows only saves work.
import { cancelledParams } from "../../protocol/mcp.js";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { cancelSignal } from "../../protocol/journal.js";
import { toNotification } from "../../protocol/rpc.js";
import type { TaskName } from "../../protocol/subjects.js";
import {
  addressOf,
  contentTypeOf,
  originOf,
  parentOf,
} from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import {
  endOf,
  pendingTask,
  taskSubjectOf,
  toTaskEvent,
} from "../history/history.js";
import { lastMessage, type StoredMessage } from "../history/stored.js";
import { sealJournal } from "../journal/journal.js";
import { storeSignal } from "../journal/signals.js";
import type { Publisher } from "../streams/publisher.js";
import { tryToRemove } from "../streams/removal.js";
import { endAsItStands } from "./as-it-stands.js";
import type { Recorder } from "./recorder.js";
import { Handouts } from "./waiting.js";

export interface CancelOptions {
  /** false: what a task with durable steps did is not undone. Its dead letter says what stands. Default true. */
  undo?: boolean;
  /** With `undo: false`: who says so. It is kept on the journal. */
  by?: string;
}

/**
 * True if this canceled it, false if it had ended before. A task with durable steps ends when they are undone, or
 * completes if it was too late; or at once, where they are not to be undone. Throws TASK_UNKNOWN for one that never
 * was.
 */
export async function cancelTask(
  link: Link,
  publisher: Publisher,
  recorder: Recorder,
  { id: taskId, agent: itsAgent }: { id: string; agent: string | undefined },
  reason: string,
  { undo = true, by }: CancelOptions = {},
): Promise<boolean> {
  const pending = await pendingTask(link, taskId, itsAgent);
  if (!pending) {
    if (await endOf(link, taskId, itsAgent)) return false;
    throw new TroupeError(
      "TASK_UNKNOWN",
      `there is no task "${taskId}": check the id; the history of old tasks ages out`,
    );
  }
  const { agent, lane, level } = addressOf(taskSubjectOf(pending));
  const error = new TroupeError(
    "TASK_CANCELED",
    reason === "" ? `task "${taskId}" was canceled` : reason,
  );
  const task = {
    agent,
    taskId,
    origin: originOf(pending.headers),
    params: paramsOf(pending),
    parent: parentOf(pending.headers),
  };
  // One that sleeps may have children, whatever is on its journal.
  const sleeps = pending.headers.parked !== undefined;
  const isSealed =
    !(sleeps && undo) && (await sealJournal(link, publisher, task));
  if (!isSealed && undo) {
    await askToCancel(link, publisher, task, error.message);
    return true;
  }
  const facts = {
    contentType: contentTypeOf(pending.headers, pending.body),
    attempt: 0,
    sender: link.origin,
    context: pending.headers.context,
    route: pending.headers.route,
    lane,
    level,
  };
  const host = { link, publisher, recorder };
  const ending = { error, by, pending, facts };
  const first = isSealed
    ? await recorder.ended(task, "canceled", error, facts)
    : await endAsItStands(host, task, ending);
  // Its acknowledgement may have got lost: then the end that was first is ours.
  if (
    !first &&
    (await endOf(link, taskId, agent))?.headers.sender !== link.origin
  ) {
    if (sleeps) await tryToRemove(link, pending); // whoever ended it may have died before they could
    return false;
  }
  // First, so that whoever gets the message before it is removed knows.
  tellWorkers(link, agent, taskId, error.message);
  if (!(await isApplied(link, pending))) await tryToRemove(link, pending);
  await cancelFallback(link, publisher, recorder, task, error.message);
  return true;
}

/** The same for one that nobody needs any more: canceling it only saves work, so that it may fail. */
export async function cancelUnneeded(
  link: Link,
  publisher: Publisher,
  recorder: Recorder,
  task: { id: string; agent: string },
  reason: string,
): Promise<void> {
  try {
    await cancelTask(link, publisher, recorder, task, reason);
  } catch (error) {
    link.log.debug(
      { task: task.id, error: messageOf(error) },
      "a task that is no longer needed was not canceled",
    );
  }
}

/** Who does it instead is on its history: whoever cancels it knows, though nobody waits for that just then. */
export async function cancelFallback(
  link: Link,
  publisher: Publisher,
  recorder: Recorder,
  { agent, taskId }: TaskName,
  reason: string,
): Promise<void> {
  const { streams, taskEventsWhere } = link.subjects;
  const subject = taskEventsWhere({ agent, taskId, kind: "fallback" });
  const stored = await lastMessage(link, streams.events, subject);
  const { fallback } = stored ? toTaskEvent(stored) : {};
  if (!fallback) return;
  const task = { id: fallback.taskId, agent: fallback.agent };
  await cancelUnneeded(link, publisher, recorder, task, reason);
}

/** It has done something, which its worker is to undo: it hears of it now, or when it takes the task up again. */
async function askToCancel(
  link: Link,
  publisher: Publisher,
  { agent, taskId }: TaskName,
  reason: string,
): Promise<void> {
  const signal = { name: cancelSignal, id: "cancel", value: reason };
  await storeSignal(link, publisher, { agent, taskId }, signal);
  tellWorkers(link, agent, taskId, reason);
}

/**
 * The message of a stateful agent that is in hand stays in its queue: a worker may have applied it, and die before
 * what it caused is sent. Whoever gets it again finds that it has ended, and sends the rest.
 */
async function isApplied(link: Link, stored: StoredMessage): Promise<boolean> {
  const { key, context } = stored.headers;
  if (key === undefined || key !== context) return false;
  return new Handouts(link).has(stored);
}

/** The params of whatever the body is, readable or not. */
function paramsOf(stored: StoredMessage): unknown {
  try {
    return (
      decodeBody(stored.body, stored.headers.contentType) as {
        params?: unknown;
      } | null
    )?.params;
  } catch {
    return undefined;
  }
}

function tellWorkers(
  link: Link,
  agent: string,
  taskId: string,
  reason: string,
): void {
  const notice = toNotification("notifications/cancelled", {
    requestId: taskId,
    reason,
  });
  link.send(link.subjects.control(agent, "cancel"), encodeBody(notice));
}

/** The task that a cancel notice is about. */
export function parseCancel(
  body: Uint8Array,
): { taskId: string; reason: string } | undefined {
  try {
    const notice = decodeBody(body) as { params?: unknown };
    const { requestId, reason } = cancelledParams.parse(notice.params);
    return { taskId: String(requestId), reason: reason ?? "" };
  } catch {
    return undefined;
  }
}
