// Progress as it is sent: seen by whoever watches at that moment, stored nowhere.
import type { Msg } from "@nats-io/transport-node";
import { TroupeError } from "../../protocol/errors.js";
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
  const subscription = link.listen(subject, (msg) =>
    queue.push(toProgress(msg)),
  );
  const forget = link.onClose((error) => queue.fail(error));
  try {
    for (;;) yield await queue.next(Number.POSITIVE_INFINITY, neverSilent);
  } finally {
    forget();
    if (!link.closed) subscription.unsubscribe();
  }
}

/** Watching has no deadline: there may be nothing to see for days. */
const neverSilent = (): TroupeError =>
  new TroupeError("WAIT_TIMED_OUT", "waited for ever");

/** Of a live message: its subject says whose it is. */
export function toProgress(msg: Msg): TaskEvent {
  const agent = decodeToken(tokenAt(msg.subject, 2));
  const taskId = decodeToken(tokenAt(msg.subject, 3));
  return parseProgress(agent, taskId, headersOf(msg), msg.data);
}
