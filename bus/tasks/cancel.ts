// Canceling a task, whether it waits, is in hand, or is not yet due. The log decides: who stores the first
// terminal event wins (R2); what follows only saves work.
import { cancelledParams } from "../../protocol/mcp.js";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { messageOf, taskUnknown, TroupeError } from "../../protocol/errors.js";
import { cancelSignal } from "../../protocol/journal.js";
import { toNotification } from "../../protocol/rpc.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { endOf, pendingTask, toTaskEvent } from "../history/history.js";
import { lastMessage, type StoredMessage } from "../history/stored.js";
import { sealJournal } from "../journal/amending.js";
import { storeSignal } from "../journal/signals.js";
import type { Publisher } from "../streams/publisher.js";
import { tryToRemove } from "../streams/removal.js";
import { endAsItStands } from "./as-it-stands.js";
import { factsOf, subjectOf } from "./on-behalf.js";
import type { Recorder } from "./recorder.js";
import { mayBeApplied } from "./handouts.js";

export interface CancelOptions {
  /** false: what a task with durable steps did is not undone. Its dead letter says what stands. Default true. */
  undo?: boolean;
  /** With `undo: false`: who says so. It is kept on the journal. */
  by?: string;
}

interface Host {
  link: Link;
  publisher: Publisher;
  recorder: Recorder;
}

/**
 * True if this canceled it, false if it had ended before. A task with durable steps ends when they are undone, or
 * completes if it was too late; or at once, where they are not to be undone. Throws TASK_UNKNOWN for one that never
 * was.
 */
export async function cancelTask(
  host: Host,
  { id: taskId, agent }: { id: string; agent: string | undefined },
  reason: string,
  { undo = true, by }: CancelOptions = {},
): Promise<boolean> {
  const { link } = host;
  const message = await pendingTask(link, taskId, agent);
  if (!message) {
    if (await endOf(link, taskId, agent)) return false;
    throw taskUnknown(taskId);
  }
  const said = reason === "" ? `task "${taskId}" was canceled` : reason;
  const error = new TroupeError("TASK_CANCELED", said);
  if (await hasDoneNothing(host, message, undo, error))
    return endNow(host, message, error, endAsCanceled(host, message, error));
  if (undo) return askWorker(host, message, error);
  return endNow(host, message, error, endAsItStands(host, message, error, by));
}

/** And never will. */
async function hasDoneNothing(
  { link, publisher }: Host,
  message: StoredMessage,
  undo: boolean,
  error: TroupeError,
): Promise<boolean> {
  // One that sleeps may have children, whatever is on its journal.
  if (undo && message.headers.parked !== undefined) return false;
  const task = subjectOf(message);
  return sealJournal(link, publisher, task, message, error);
}

function endAsCanceled(
  { link, recorder }: Host,
  message: StoredMessage,
  error: TroupeError,
): Promise<boolean> {
  const facts = factsOf(message, link.origin);
  return recorder.ended(subjectOf(message), "canceled", error, facts);
}

/** Its message goes, whoever has ended it: they may have died before they could remove it. */
async function endNow(
  host: Host,
  message: StoredMessage,
  { message: reason }: TroupeError,
  ending: Promise<boolean>,
): Promise<boolean> {
  const { link } = host;
  const { agent, taskId } = subjectOf(message);
  const isCanceled =
    (await ending) ||
    // Its acknowledgement may have got lost: then the end that was first is ours.
    (await endOf(link, taskId, agent))?.headers.sender === link.origin;
  // First, so that whoever gets the message before it is removed knows.
  if (isCanceled) tellWorkers(link, agent, taskId, reason);
  // What it caused may not be sent yet: whoever gets it again finds that it has ended, and sends the rest.
  if (!(await mayBeApplied(link, message))) await tryToRemove(link, message);
  if (isCanceled) await cancelFallback(host, { agent, taskId }, reason);
  return isCanceled;
}

/** It has done something, which its worker is to undo: it hears of it now, or when it takes the task up again. */
async function askWorker(
  { link, publisher }: Host,
  message: StoredMessage,
  { message: reason }: TroupeError,
): Promise<true> {
  const { agent, taskId } = subjectOf(message);
  const signal = { name: cancelSignal, id: "cancel", value: reason };
  await storeSignal(link, publisher, { agent, taskId }, signal);
  tellWorkers(link, agent, taskId, reason);
  return true;
}

/** The same for one that nobody needs any more: canceling it only saves work, so that it may fail. */
export async function cancelUnneeded(
  host: Host,
  task: { id: string; agent: string },
  reason: string,
): Promise<void> {
  try {
    await cancelTask(host, task, reason);
  } catch (error) {
    host.link.log.debug(
      { task: task.id, error: messageOf(error) },
      "a task that is no longer needed was not canceled",
    );
  }
}

/** Who does it instead is on its history: whoever cancels it knows, though nobody waits for that just then. */
export async function cancelFallback(
  host: Host,
  { agent, taskId }: TaskName,
  reason: string,
): Promise<void> {
  const { link } = host;
  const { streams, taskEventsWhere } = link.subjects;
  const subject = taskEventsWhere({ agent, taskId, kind: "fallback" });
  const stored = await lastMessage(link, streams.events, subject);
  const { fallback } = stored ? toTaskEvent(stored) : {};
  if (!fallback) return;
  const task = { id: fallback.taskId, agent: fallback.agent };
  await cancelUnneeded(host, task, reason);
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
