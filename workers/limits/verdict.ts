// What the end of a task says of its skill.
import { TroupeError, type ErrorCode } from "../../protocol/errors.js";
import { Suspension } from "../steps/suspension.js";
import type { Verdict } from "./policy.js";

/** They say something of the one task, of its sender or of its worker, not that the skill does not work. */
const notTheSkills: ReadonlySet<ErrorCode> = new Set([
  "INPUT_INVALID",
  "ARGUMENT_INVALID",
  "MESSAGE_UNREADABLE",
  "PAYLOAD_TOO_LARGE",
  "HANDLER_REFUSED",
  "TASK_REJECTED",
  "TASK_CANCELED",
  "DEADLINE_PASSED",
  "WORKER_STOPPING",
  "SKILL_UNKNOWN",
]);

/** Of what a handler gave, or the TroupeError that it failed with. HANDLER_FAILED and TIMED_OUT count, refusals of input do not. */
export function verdictOf(outcome: unknown): Verdict {
  if (outcome instanceof Suspension) return "unused"; // it goes on later
  if (!(outcome instanceof TroupeError)) return "succeeded";
  return notTheSkills.has(outcome.code) ? "unused" : "failed";
}

/** These did not fail for want of a skill that works: another skill would do no better, or must not. */
const forGood: ReadonlySet<ErrorCode> = new Set([
  ...notTheSkills,
  "LIMIT_REACHED",
]);

/** Whether the fallback may still do what failed for good with this error. */
export function mayFallBack(error: TroupeError): boolean {
  return error.code === "HANDLER_REFUSED" || !forGood.has(error.code);
}
