// Runs a skill's handler once: input schema → handler under its time limit → output schema. Used by durable
// tasks and by `ask` alike. Whatever goes wrong comes out as one TroupeError.
import { retryRules, type RetryRules } from "../bus/delivery/retry.js";
import { formatMs, toMs } from "../protocol/duration.js";
import {
  isOfOneTask,
  isRejection,
  toTroupeError,
  TroupeError,
} from "../protocol/errors.js";
import { parseWith } from "../protocol/schema.js";
import { limitRules, type LimitRules } from "./limits/options.js";
import type { AnySkill } from "./skill.js";
import { isPromise } from "./steps/attempt.js";
import { Suspension } from "./steps/suspension.js";
import type { HandlerContext } from "./task-context.js";
import type { Run, Watch } from "./watch.js";

/** A class, as is whatever lives as long as a task (docs/decisions/0032-what-lives-as-long-as-a-task.md). */
class HandlerRun implements Run {
  watchedAs = -1;
  readonly context: HandlerContext;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  endsAt: number;
  stop: Run["stop"] = () => undefined;

  constructor(
    timeoutMs: number,
    context: HandlerContext,
    deadlineInMs: number,
  ) {
    const now = performance.now();
    this.context = context;
    this.timeoutMs = timeoutMs;
    this.deadlineAt = now + deadlineInMs;
    this.endsAt = Math.min(now + timeoutMs, this.deadlineAt);
  }

  outOfTime(): TroupeError {
    return this.endsAt === this.deadlineAt
      ? deadlinePassed(this.context)
      : timedOut(this.context, this.timeoutMs);
  }
}

export interface SkillRunner {
  readonly name: string;
  readonly skill: AnySkill;
  readonly rules: RetryRules;
  readonly timeoutMs: number;
  /** Undefined where it has none. */
  readonly limits: LimitRules | undefined;
  /** How its input and output are named in errors. */
  readonly inputName: string;
  readonly outputName: string;
}

export function toRunner(
  agent: string,
  name: string,
  skill: AnySkill,
): SkillRunner {
  return {
    name,
    skill,
    rules: retryRules(skill.retry),
    timeoutMs: toMs(skill.timeout ?? "5m", "timeout"),
    limits: limitRules(skill),
    inputName: `the input of ${agent}.${name}`,
    outputName: `what the handler of ${agent}.${name} returned`,
  };
}

/**
 * The output, or the TroupeError with which it failed; never throws. A promise only where a schema or the
 * handler makes one: a handler that returns at once costs none, and no watch either.
 */
export function perform(
  runner: SkillRunner,
  watch: Watch,
  context: HandlerContext,
  rawInput: unknown,
  deadlineInMs = Number.POSITIVE_INFINITY,
): unknown {
  try {
    const input = parseWith(
      runner.skill.input,
      rawInput,
      "INPUT_INVALID",
      runner.inputName,
    );
    if (input instanceof Promise)
      return performAsync(runner, watch, context, input, deadlineInMs);
    const output = runNow(runner, input, context);
    if (isPromise(output))
      return performAsync(
        runner,
        watch,
        context,
        undefined,
        deadlineInMs,
        output,
      );
    return checkOutput(runner, output);
  } catch (thrown) {
    return toTroupeError(thrown);
  }
}

async function performAsync(
  runner: SkillRunner,
  watch: Watch,
  context: HandlerContext,
  input: Promise<unknown> | undefined,
  deadlineInMs: number,
  started?: PromiseLike<unknown>,
): Promise<unknown> {
  const run = new HandlerRun(runner.timeoutMs, context, deadlineInMs);
  watch.add(run);
  try {
    const working =
      started ?? input!.then((parsed) => runUnlessOver(runner, run, parsed));
    return await untilStopped(
      run,
      working.then((output) => checkOutput(runner, output)),
    );
  } catch (thrown) {
    return toTroupeError(thrown);
  } finally {
    watch.remove(run);
  }
}

/** Its time may have been up while its input was checked. */
function runUnlessOver(
  { skill }: SkillRunner,
  { context }: HandlerRun,
  input: unknown,
): unknown {
  if (context.isAborted) return undefined;
  return skill.run(input, context);
}

function runNow(
  { skill }: SkillRunner,
  input: unknown,
  context: HandlerContext,
): unknown {
  try {
    return skill.run(input, context) as unknown;
  } catch (thrown) {
    throw ofHandler(thrown);
  }
}

/** Throws OUTPUT_INVALID. */
export function checkOutput(
  { skill, outputName }: SkillRunner,
  output: unknown,
): unknown {
  if (!skill.output) return output;
  const parsed: unknown = parseWith(
    skill.output,
    output,
    "OUTPUT_INVALID",
    outputName,
  );
  return parsed instanceof Promise ? parsed.catch(toTroupeError) : parsed;
}

function deadlinePassed({ id, agent, skill }: HandlerContext): TroupeError {
  return new TroupeError(
    "DEADLINE_PASSED",
    `the deadline of task "${id}" passed while ${agent}.${skill} worked on it`,
  );
}

function timedOut(
  { agent, skill }: HandlerContext,
  timeoutMs: number,
): TroupeError {
  return new TroupeError(
    "TIMED_OUT",
    `${agent}.${skill} took longer than its timeout of ${formatMs(timeoutMs)}: make it faster or give the skill a longer timeout`,
  );
}

function untilStopped(
  run: HandlerRun,
  working: PromiseLike<unknown>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    run.stop = (why) => {
      if (why instanceof Suspension) return resolve(why);
      reject(why);
      run.context.abort(why);
    };
    run.context.bind(run);
    working.then(resolve, (thrown: unknown) => reject(ofHandler(thrown)));
  });
}

/** What another task ended with is a failure here. */
function ofHandler(thrown: unknown): Error {
  const error = toTroupeError(thrown);
  const { message, retryable } = error;
  if (!isOfOneTask(error) || isRejection(error)) return error;
  return new TroupeError("HANDLER_FAILED", message, {
    cause: error,
    retryable,
  });
}
