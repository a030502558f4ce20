// Ending a task so that a person sees it: its dead letter, then its end.
//
// 1. R1: who dies between the two leaves a letter whose task has not ended. Whoever gets its message finds the letter,
//    and stores the end.
// 2. R2: where another end is first that is no failure, the letter is stray, and goes: it would invite to do or undo
//    what is settled. Who dies before that leaves it to the orchestrator (duties/stray-letters.ts).
import type { TroupeError } from "../../protocol/errors.js";
import { typeOfState } from "../../protocol/task.js";
import type { EventFacts } from "../../protocol/task-event-bodies.js";
import { addressOf, requestIn } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import {
  endOf,
  eventsOf,
  loggedSince,
  taskSubjectOf,
} from "../history/history.js";
import { lastMessage, type StoredMessage } from "../history/stored.js";
import { tryToRemove } from "../streams/removal.js";
import { factsOf, subjectOf } from "./on-behalf.js";
import type { Letter } from "./letter.js";
import type { Recorder, Subject } from "./recorder.js";

interface Host {
  readonly link: Link;
  readonly recorder: Recorder;
}

/** `beforeEnd` is waited for when the letter is stored. False when another end was first. */
export async function bury(
  host: Host,
  task: Subject,
  letter: Letter,
  facts: EventFacts,
  beforeEnd?: () => Promise<void> | undefined | void,
): Promise<boolean> {
  // Canceled, or done by another: a letter would invite to do it once more.
  if (await host.recorder.tellAgain(task)) return false;
  await host.recorder.dead(letter);
  await beforeEnd?.();
  return endBuried(host, task, letter.error, facts);
}

/** The same where the letter is stored. */
export async function endBuried(
  { link, recorder }: Host,
  task: Subject,
  error: TroupeError,
  facts: EventFacts,
): Promise<boolean> {
  if (await recorder.ended(task, "failed", error, facts)) return true;
  const { streams, deadWhere } = link.subjects;
  const { agent, taskId } = task;
  const where = deadWhere({ agent, taskId });
  const letter = await lastMessage(link, streams.dead, where);
  const end = await endOf(link, taskId, agent);
  if (letter && end) await withdrawStray(link, letter, end);
  return false;
}

/** The same by somebody who has the task's message and is not its worker. */
export async function buryWaiting(
  host: Host,
  message: StoredMessage,
  error: TroupeError,
  sender: string,
  beforeEnd?: () => Promise<void> | void,
): Promise<boolean> {
  const task = subjectOf(message);
  const { agent, taskId } = task;
  const events = await eventsOf(host.link, taskId, agent);
  const attempt = events.filter(({ kind }) => kind === "attempt").length;
  const { headers, body } = message;
  const subject = taskSubjectOf(message);
  const skill = addressOf(subject).skill || requestIn(headers, body).skill;
  const original = { subject, headers, body };
  const letter = { ...original, agent, skill, taskId, error, attempt, events };
  const facts = { ...factsOf(message, sender), attempt };
  return bury(host, task, letter, facts, beforeEnd);
}

/** Removes a letter whose task did not fail after all, as its end says. False where it did. */
export async function withdrawStray(
  link: Link,
  letter: Omit<StoredMessage, "subject" | "body">,
  end: StoredMessage,
): Promise<boolean> {
  if (end.headers.type === typeOfState("failed")) return false;
  // One that was brought up to date is of a task that has failed.
  if (letter.headers.expectedLastSubjectSequence !== undefined) return false;
  // The end of an older one may be gone, and this be that of another task with its id.
  if (letter.at < (await loggedSince(link))) return false;
  await tryToRemove(link, letter);
  return true;
}
