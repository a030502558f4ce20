// What becomes of a task whose attempt failed: tried again, ended, or buried.
//
// A burial is in this order, so that whatever dies in between, the rest follows: dead letter, terminal event
// (bus/tasks/burial.ts), acknowledgement (R1, R3).
import { firstAttempt } from "../bus/delivery/recall.js";
import {
  backoffMs,
  mayRetry,
  retryRules,
  type RetryRules,
} from "../bus/delivery/retry.js";
import { contextFrom, endSpan, startSpan } from "../bus/connection/trace.js";
import { cancelFallback } from "../bus/tasks/cancel.js";
import { TroupeError } from "../protocol/errors.js";
import { bury, endBuried } from "../bus/tasks/burial.js";
import type { Names } from "../bus/tasks/target.js";
import { endStateOf, type Outcome } from "../protocol/outcome.js";
import type { EndState } from "../protocol/task.js";
import type { Assignment, Result } from "./assignment.js";
import { deadLetterOf } from "./dead-letter.js";
import { hasFallenBack } from "./limits/fallbacks.js";
import { mayFallBack } from "./limits/verdict.js";
import { checkOutput, type SkillRunner } from "./skill-runner.js";
import { postpone } from "./postponing.js";
import { Suspension } from "./steps/suspension.js";
import { momentMs } from "./steps/waits.js";

/**
 * A retry further away than this is left to a timer, so that it holds no place among the deliveries. One of a task
 * with a journal after a moment: it can be canceled then, and only a worker can do that.
 */
const longestNakMs = 60_000;

/** When a task is looked at again whose breaker is open and whose fallback does not take it. */
const barredDelayMs = 5_000;

/** Throws only when the log cannot be written. */
export async function recordFailure(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  if (error.code === "WORKER_STOPPING") return giveBack(assignment, error);
  const state = endStateOf(error);
  return state === "failed"
    ? retryOrBury(assignment, error)
    : end(assignment, state, error);
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
    return retry(assignment, error, pauseMs(assignment, rules, failures));
  return giveUp(
    assignment,
    error.retryable ? exhausted(error, failures) : error,
  );
}

/** It ends with its deadline, also where only a worker can do that. */
function pauseMs(
  assignment: Assignment,
  rules: RetryRules,
  failures: number,
): number {
  const leftMs = assignment.deadlineInMs();
  return Math.max(0, Math.min(backoffMs(rules, failures), leftMs));
}

async function retry(
  assignment: Assignment,
  error: TroupeError,
  delayMs: number,
): Promise<Result> {
  const { host, subject, delivery, key, hasJournal } = assignment;
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
  endSpan(span, error);
  // A keyed task keeps its place in the queue (R4).
  const longestMs = hasJournal ? momentMs : longestNakMs;
  if (delayMs > longestMs && key === undefined)
    return postpone(assignment, retryAt);
  // Canceled while that was stored, it is to come at once.
  assignment.putOff(host.canceled.has(assignment.id) ? 0 : delayMs);
  return "retried";
}

/** What it did durably is undone before its fallback does it all: else both would stand. */
async function giveUp(
  assignment: Assignment,
  why: TroupeError,
): Promise<Result> {
  const error = (await assignment.unwind("failed", why)) ?? why;
  if (error instanceof Suspension) return assignment.suspended(error);
  const stands =
    error.code === "UNDO_FAILED" ||
    (error.code === "WORKER_LOST" && assignment.hasJournal);
  const instead = stands ? undefined : await fallBack(assignment, error);
  return instead ?? buryAs(assignment, error);
}

async function buryAs(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const { host, delivery, past, subject } = assignment;
  const span = startSpan(
    "dead-letter",
    names(assignment),
    contextFrom(delivery.headers),
  );
  const letter = deadLetterOf(assignment, error, past);
  const first = await bury(host, subject, letter, assignment.facts(), () =>
    assignment.ending("failed", error),
  );
  endSpan(span, error);
  return assignment.acknowledge(first ? "failed" : "late");
}

/** It was not let in, or another skill does it already. */
export async function recordBarred(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const isFallback = hasFallenBack(assignment);
  if (error.code !== "BREAKER_OPEN" && !isFallback)
    return recordFailure(assignment, error);
  // In the midst of its work it goes on later: its fallback would do again what is done.
  if (assignment.hasJournal && !isFallback)
    return assignment.giveBack(barredDelayMs);
  const result = await fallBack(assignment, error);
  return result ?? assignment.giveBack(barredDelayMs);
}

/** Undefined where there is no fallback, or none that takes the task. */
async function fallBack(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result | undefined> {
  const { fallbacks, runners, recorder } = assignment.host;
  if (!mayFallBack(error)) return undefined;
  const { input, subject } = assignment;
  const to = await fallbacks.placeFor(assignment, input);
  if (!to) return undefined;
  subject.lastEvent = undefined; // it is said on the history that it falls back; nothing that is to be fenced is left
  let outcome: Outcome;
  try {
    outcome = await fallbacks.outcome(assignment, to, input, error);
  } catch (thrown) {
    const { code } = thrown as TroupeError;
    if (code !== "WORKER_STOPPING" && code !== "TASK_CANCELED") throw thrown;
    return recordFailure(assignment, thrown as TroupeError);
  }
  if (outcome.state !== "completed")
    return buryAs(assignment, bothFailed(error, to, outcome.error));
  const runner = runners.get(assignment.skill)!;
  const output = await outputOf(runner, outcome.output);
  if (output instanceof TroupeError) return buryAs(assignment, output);
  const first = await recorder.completed(
    assignment.subject,
    output,
    assignment.facts(),
  );
  return assignment.acknowledge(first ? "completed" : "late");
}

/** Also of one that another has sent, and that nobody waits for here. */
async function leaveFallback(
  { host, subject }: Assignment,
  { message }: TroupeError,
): Promise<void> {
  await cancelFallback(host, subject, message);
}

/** What the skill promised holds for its fallback, too. */
async function outputOf(runner: SkillRunner, output: unknown) {
  try {
    return await checkOutput(runner, output);
  } catch (error) {
    return error;
  }
}

function bothFailed(
  error: TroupeError,
  { agent, skill }: Names,
  cause: TroupeError,
): TroupeError {
  return new TroupeError(
    error.code,
    `${error.message}; and its fallback ${agent}.${skill} failed, too: ${cause.message}`,
    { cause, retryable: false },
  );
}

/** The dead letter is stored, and whoever stored it died before the rest. */
export async function finishBurial(
  assignment: Assignment,
  error: TroupeError,
): Promise<Result> {
  const { host, subject } = assignment;
  await assignment.ending("failed", error);
  const first = await endBuried(host, subject, error, assignment.facts());
  return assignment.acknowledge(first ? "failed" : "late");
}

/** What cannot be undone is for a person to see, whyever it was to be. */
async function end(
  assignment: Assignment,
  state: Exclude<EndState, "failed">,
  why: TroupeError,
): Promise<Result> {
  const error = (await assignment.unwind(state, why)) ?? why;
  if (error instanceof Suspension) return assignment.suspended(error);
  if (error.code === "UNDO_FAILED") return buryAs(assignment, error);
  if (state === "canceled") await leaveFallback(assignment, why);
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
