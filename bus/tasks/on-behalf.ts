// What is recorded of a task by somebody who has its message and is not its worker.
import type { EventFacts } from "../../protocol/task-event-bodies.js";
import {
  addressOf,
  contentTypeOf,
  isNamed,
  originOf,
  parentOf,
  requestIn,
} from "../../protocol/task-message.js";
import { taskSubjectOf } from "../history/history.js";
import type { StoredMessage } from "../history/stored.js";
import type { Subject } from "./recorder.js";

export function subjectOf(message: StoredMessage): Subject {
  const { agent, taskId } = addressOf(taskSubjectOf(message));
  const { headers, body } = message;
  return {
    agent,
    taskId,
    origin: originOf(headers),
    isNamed: isNamed(headers),
    params: requestIn(headers, body).params,
    parent: parentOf(headers),
  };
}

export function factsOf(message: StoredMessage, sender: string): EventFacts {
  const { lane, level } = addressOf(taskSubjectOf(message));
  const { headers, body } = message;
  const { context, route } = headers;
  const contentType = contentTypeOf(headers, body);
  return { contentType, attempt: 0, sender, context, route, lane, level };
}
