// What the command says to the shell, and which errors mean which.
import { TroupeError, type ErrorCode } from "../protocol/errors.js";

export const exitCodes = {
  done: 0,
  taskFailed: 1,
  wrongUsage: 2,
  noBus: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const askedWrongly: readonly ErrorCode[] = [
  "ARGUMENT_INVALID",
  "INPUT_INVALID",
  "AGENT_UNKNOWN",
  "LANE_UNSERVED",
  "SKILL_UNKNOWN",
  "NO_CANDIDATE",
  "TASK_UNKNOWN",
  "TASK_ENDED",
  "SCHEDULE_UNKNOWN",
  "SCHEDULE_EXISTS",
  "PLAN_INVALID",
  "PLAN_UNKNOWN",
];

const busMissing: readonly ErrorCode[] = [
  "NOT_CONNECTED",
  "CONNECTION_CLOSED",
  "PERMISSION_DENIED",
  "STREAM_CONFLICT",
  "DURABILITY_REFUSED",
  "BUS_FAILED",
  "SERVER_NOT_FOUND",
  "SERVER_TOO_OLD",
  "SERVER_FAILED",
  "DOWNLOAD_FAILED",
];

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof TroupeError)) return exitCodes.taskFailed;
  if (askedWrongly.includes(error.code)) return exitCodes.wrongUsage;
  if (busMissing.includes(error.code)) return exitCodes.noBus;
  return exitCodes.taskFailed;
}

/** What the user typed cannot be. */
export function wrongUsage(message: string): TroupeError {
  return new TroupeError("ARGUMENT_INVALID", message);
}
