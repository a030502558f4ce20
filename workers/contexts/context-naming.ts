// Names a message in the record of its context without applying it: when it was buried, canceled, or found to have
// ended. From then on nobody can apply it who was frozen over an earlier delivery of it, because the record has
// another revision than the one that they have read.
import type { ActorDefinition } from "../../actors/durable/actor-definition.js";
import type { ContextStore } from "../../actors/durable/context-store.js";
import type { ActorRecord } from "../../actors/durable/record.js";
import type { Logger } from "../../bus/connection/log.js";
import { isConflict, type TroupeError } from "../../protocol/errors.js";
import type { ContextTask } from "./context-messages.js";
import { isBehind, placeOf } from "./context-place.js";
import { withoutStop } from "./context-record.js";
import { stillStopped } from "./context-refusals.js";

const maxTries = 20;

/** How it is about to end; undefined when its end is on the log. */
export type Ending = { state: string; error: TroupeError } | undefined;

export async function nameInRecord(
  definition: ActorDefinition,
  store: ContextStore,
  log: Logger,
  task: ContextTask,
  ending: Ending,
): Promise<void> {
  const context = task.context!;
  for (let tries = 1; ; tries++) {
    const { record, revision } = await store.read(context);
    const handled = record?.handled[task.lane];
    if (handled && (handled.task === task.id || isBehind(task, handled)))
      return;
    const stops =
      definition.onDeadLetter === "stop" &&
      ending?.state === "failed" &&
      !task.isResume &&
      stillStopped(record, task) === undefined;
    const before = record ?? { context, version: definition.version };
    const named = withName(before, task, ending, stops);
    try {
      await store.commit(named, revision, 0);
      if (stops)
        log.error(
          { agent: definition.agent, context, task: task.id },
          "a context stands still: nobody could handle its event",
        );
      return;
    } catch (error) {
      if (!isConflict(error) || tries === maxTries) throw error;
    }
  }
}

/** Another end was first, and it is no failure: its context need not stand still. */
export async function takeBackStop(
  store: ContextStore,
  task: ContextTask,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { record, revision } = await store.read(task.context!);
    if (record?.stopped?.task !== task.id) return;
    try {
      await store.commit(withoutStop(record), revision, 0);
      return;
    } catch (error) {
      if (!isConflict(error) || tries === maxTries) throw error;
    }
  }
}

function withName(
  before: Omit<ActorRecord, "handled"> & Partial<ActorRecord>,
  task: ContextTask,
  ending: Ending,
  stops: boolean,
): ActorRecord {
  const message = ending?.error.message ?? `task "${task.id}" had ended`;
  const failure = { code: ending?.error.code ?? "TASK_CANCELED", message };
  const named = { ...placeOf(task), effects: [], failure };
  return {
    ...before,
    handled: { ...before.handled, [task.lane]: named },
    ...(stops ? { stopped: { task: task.id, message } } : {}),
  };
}
