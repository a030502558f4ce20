// Progress as it is sent: seen by whoever watches at that moment, stored nowhere.
import type { Msg } from "@nats-io/transport-node";
import { decodeToken, tokenAt } from "../../protocol/tokens.js";
import type { TaskEvent } from "../../protocol/task.js";
import { parseProgress } from "../../protocol/task-events.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";
import { Queue } from "./queue.js";

export interface ProgressFilter {
  agent?: string;
  task?: string;
}

/** Goes on until its reader stops or the connection is closed. */
export async function* followProgress(
  link: Link,
  { agent, task }: ProgressFilter = {},
): AsyncGenerator<TaskEvent, void, undefined> {
  const queue = new Queue<TaskEvent>();
  const subject = link.subjects.liveOf({ agent, taskId: task });
  const stops = [
    link.hear(subject, (msg) => queue.push(toProgress(msg))),
    link.onClose((error) => queue.fail(error)),
  ];
  try {
    for (;;) yield await queue.next();
  } finally {
    for (const stop of stops) stop();
  }
}

/** Of a live message: its subject says whose it is. */
export function toProgress(msg: Msg): TaskEvent {
  const agent = decodeToken(tokenAt(msg.subject, 2));
  const taskId = decodeToken(tokenAt(msg.subject, 3));
  return parseProgress(agent, taskId, headersOf(msg), msg.data);
}
