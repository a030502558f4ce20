// The task that a dead letter becomes when it is submitted again.
import {
  parseKeyedSubject,
  parseTaskSubject,
} from "../../protocol/addresses.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { isLevel, type Level } from "../../protocol/levels.js";
import {
  addressOf,
  contentTypeOf,
  requestIn,
  taskBody,
} from "../../protocol/task-message.js";
import { tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import type { Names } from "./target.js";

export interface RedriveOptions {
  /** Instead of the input that it died of. */
  input?: unknown;
  priority?: Level;
  /** Default the one that it came from. */
  lane?: string;
  /** Also where steps of it could not be undone: its new task does them once more, and the letter that tells of them is gone. */
  force?: boolean;
}

interface Letter extends Names {
  taskId: string;
  headers: Headers;
  body: Uint8Array;
}

/** Under another id; it names the old one. */
export function taskAgain(
  link: Link,
  letter: Letter,
  taskId: string,
  options: RedriveOptions,
): { subject: string; headers: Uint8Array; body: Uint8Array } {
  const { headers } = letter;
  const original = headers.subject ?? "";
  const subject = subjectAgain(
    link,
    original,
    letter.taskId,
    taskId,
    headers.key,
    options,
  );
  const kept: Headers = {
    contentType: headers.contentType,
    sender: headers.sender,
    context: headers.context,
    key: headers.key,
    origin: link.origin,
    messageId: taskId,
    maybeKnown: "1",
    redriveOf: letter.taskId,
  };
  const body = bodyAgain(letter, taskId, original, options);
  return { subject, headers: encodeHeaders(kept), body };
}

function bodyAgain(
  { agent, skill: named, headers, body }: Letter,
  taskId: string,
  subject: string,
  options: RedriveOptions,
): Uint8Array {
  if (!("input" in options)) return body;
  const { input } = options;
  const skill =
    addressOf(subject).skill || requestIn(headers, body).skill || named;
  const contentType = contentTypeOf(headers, body);
  return taskBody({
    taskId,
    agent,
    skill,
    input,
    contentType,
    idGiven: true,
    lane: "",
    level: "normal",
    origin: "",
  });
}

/** Where it is sent to. Throws MESSAGE_UNREADABLE where the letter does not say where it came from. */
export function subjectAgain(
  link: Link,
  original: string,
  oldId: string,
  newId: string,
  key: string | undefined,
  { priority, lane }: RedriveOptions,
): string {
  const kind = original === "" ? "" : tokenAt(original, 1);
  if (kind === "partition") {
    // A bare client that did not say its key again in a header has had its place in the order.
    const from = parseKeyedSubject(original);
    return link.subjects.keyed({
      agent: from.agent,
      lane: lane ?? from.lane,
      key: key ?? newId,
      taskId: newId,
    });
  }
  if (kind !== "task") {
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      `the dead letter of task "${oldId}" does not say where it came from ("${original}"): submit it anew and purge the letter`,
    );
  }
  const address = parseTaskSubject(original);
  return link.subjects.task({
    ...address,
    lane: lane ?? address.lane,
    taskId: newId,
    level: isLevel(priority) ? priority : address.level,
  });
}
