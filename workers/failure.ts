// What becomes of a task whose attempt failed: tried again, ended, or buried.
//
// A burial is in this order, so that whatever dies in between, the rest follows: dead letter, terminal event,
// acknowledgement (R1, R3).
import { firstAttempt } from "../bus/delivery/recall.js";
import { backoffMs, mayRetry, retryRules } from "../bus/delivery/retry.js";
import { endOf } from "../bus/history.js";
import { schedule } from "../bus/timers.js";
import { contextFrom, endSpan, startSpan } from "../bus/trace.js";
import { TroupeError } from "../protocol/errors.js";
import type { Assignment, Result } from "./assignment.js";

/** A retry further away than this is left to a timer, so that it holds no place among the deliveries. */
const longestNakMs = 60_000;

/** Throws only when the log cannot be written. */
export async function recordFailure(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  switch (error.code) {
    case "WORKER_STOPPING":
      return giveBack(assignment, error);
    case "TASK_CANCELED":
      return end(assignment, "canceled", error);
    case "TASK_REJECTED":
      return end(assignment, "rejected", error);
    default:
      return retryOrBury(assignment, error);
  }
}

/** An attempt whose start is on the log would else be taken for a crash. */
async function giveBack(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const { host, past, subject } = assignment;
  if (past !== firstAttempt && host.link.connected)
    await host.recorder.returned(subject, error, assignment.facts());
  return assignment.giveBack(0);
}

function retryOrBury(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const rules =
    assignment.host.runners.get(assignment.skill)?.rules ?? retryRules();
  const failures = assignment.past.failures + 1;
  if (mayRetry(rules, error, failures))
    return retry(assignment, error, backoffMs(rules, failures));
  return bury(assignment, error.retryable ? exhausted(error, failures) : error);
}

async function retry(
  assignment: Assignment,
  error: TroupeError,
  delayMs: number,
): Promise<Result> {
  const { host, subject, delivery, key } = assignment;
  const span = startSpan(
    "retry",
    names(assignment),
    contextFrom(delivery.headers),
  );
  const retryAt = host.link.clock.now() + delayMs;
  await host.recorder.attemptFailed(
    subject,
    { error, retryAt },
    assignment.facts(),
  );
  // A keyed task keeps its place in the queue (R4).
  if (delayMs <= longestNakMs || key !== undefined)
    assignment.delivery.retryIn(delayMs);
  else await postpone(assignment, retryAt);
  endSpan(span, error);
  return "retried";
}

async function postpone(
  { host, delivery, id, agent, attempt }: Assignment,
  dueAt: number,
): Promise<void> {
  const headers = { ...delivery.headers, attempt: String(attempt) };
  const { subject: target, body } = delivery;
  await schedule(host.link, host.publisher, {
    taskId: id,
    agent,
    dueAt,
    target,
    headers,
    body,
  });
  delivery.acknowledge();
}

async function bury(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const { host, delivery, past, agent, skill, id } = assignment;
  // Canceled, or done by another while we were held up: a letter would invite to do it once more.
  if (await endOf(host.link, id, agent)) return assignment.acknowledge("late");
  const span = startSpan(
    "dead-letter",
    names(assignment),
    contextFrom(delivery.headers),
  );
  const { subject, headers, body } = delivery;
  const { attempt, events } = past;
  await host.recorder.dead({
    subject,
    headers,
    body,
    agent,
    skill,
    taskId: id,
    error,
    attempt,
    events,
  });
  endSpan(span, error);
  return end(assignment, "failed", error);
}

/** The dead letter is stored, and whoever stored it died before the rest. */
export function finishBurial(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  return end(assignment, "failed", error);
}

async function end(
  assignment: Assignment,
  state: "failed" | "canceled" | "rejected",
  error: TroupeError,
): Promise<Result> {
  await assignment.ending(state, error);
  const first = await assignment.host.recorder.ended(
    assignment.subject,
    state,
    error,
    assignment.facts(),
  );
  return assignment.acknowledge(first ? "failed" : "late");
}

function names({ agent, skill, id }: Assignment) {
  return { agent, skill, taskId: id };
}

function exhausted(error: TroupeError, attempts: number): TroupeError {
  if (attempts === 1) return error;
  return new TroupeError(
    "ATTEMPTS_EXHAUSTED",
    `all ${attempts} attempts failed; the last one: ${error.message}`,
    {
      cause: error,
      ...(error.data === undefined ? {} : { data: error.data }),
    },
  );
}
