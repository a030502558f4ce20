// The record that takes the place of another when a message has been handled.
import type {
  ActorRecord,
  ActorState,
  Handled,
} from "../../actors/durable/record.js";
import type { Step } from "../../actors/durable/step.js";
import type { ContextTask } from "./context-messages.js";
import { placeOf } from "./context-place.js";

/** Its machine has taken a step. What stood still before does so no more. */
export function afterStep(
  version: string,
  task: ContextTask,
  record: ActorRecord | undefined,
  before: ActorState | undefined,
  { state, effects, actions, result }: Step,
): ActorRecord {
  const named: Handled = { ...placeOf(task), result, effects };
  if (actions.length > 0) named.before = before ?? "start";
  const handled = { ...record?.handled, [task.lane]: named };
  return { context: task.context!, version, state, handled };
}

/** A person says that it need not stand still any more. */
export function goneOn(
  record: ActorRecord,
  task: ContextTask,
  result: unknown,
): ActorRecord {
  const named = { ...placeOf(task), result, effects: [] };
  const handled = { ...record.handled, [task.lane]: named };
  return { ...withoutStop(record), handled };
}

export function withoutStop(record: ActorRecord): ActorRecord {
  const { stopped: _, ...rest } = record;
  return rest;
}
