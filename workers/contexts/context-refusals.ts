// Why a context takes no event: its machine is done, or it stands still, or it had failed before, or the bus is in
// trouble, in which case the message only goes back.
import type { ActorRecord, Handled } from "../../actors/durable/record.js";
import {
  hasCode,
  messageOf,
  reject,
  toErrorCode,
  TroupeError,
  type ErrorCode,
} from "../../protocol/errors.js";
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

/** It was named in the record when it failed, and ends as it was about to. */
export function failedBefore({
  code,
  message,
}: NonNullable<Handled["failure"]>): TroupeError {
  return new TroupeError(toErrorCode(code), message, {
    retryable: false,
  });
}

const ofTheBus: readonly ErrorCode[] = [
  "CONFLICT",
  "BUS_FAILED",
  "WAIT_TIMED_OUT",
  "STREAM_FULL",
  "CONNECTION_CLOSED",
  "PERMISSION_DENIED",
];

/** What else goes wrong here would do so again, and counts as a failed attempt. */
export function isOfTheBus(error: unknown): boolean {
  return hasCode(error, ...ofTheBus);
}

export function toTroupeError(error: unknown): TroupeError {
  if (error instanceof TroupeError) return error;
  const message = `a message could not be handled: ${messageOf(error)}`;
  return new TroupeError("HANDLER_FAILED", message, { cause: error });
}
