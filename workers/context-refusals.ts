// Why a context takes no event: its machine is done, or it stands still.
import type { ActorRecord } from "../actors/record.js";
import { reject, TroupeError } from "../protocol/errors.js";
import type { ContextTask } from "./context-messages.js";

/** The redriven message gets by, and so does who resumes. */
export function stillStopped(
  record: ActorRecord | undefined,
  task: ContextTask,
): ActorRecord["stopped"] {
  const { stopped } = record ?? {};
  const { redriveOf } = task.delivery.headers;
  return stopped && redriveOf !== stopped.task && !task.isResume
    ? stopped
    : undefined;
}

export function standsStill(
  agent: string,
  context: string,
  { task, message }: NonNullable<ActorRecord["stopped"]>,
): TroupeError {
  return new TroupeError(
    "CONTEXT_STOPPED",
    `context "${context}" of agent "${agent}" stands still since nobody could handle task "${task}" (${message}): redrive that task's dead letter, or go on without it by bus.context(…, "${context}").resume(); then redrive this one`,
  );
}

export function finished(
  agent: string,
  context: string,
  type: string,
): TroupeError {
  return reject(
    `context "${context}" of agent "${agent}" is in a final state and takes no "${type}": use another context`,
  );
}
