// Runs a skill's handler once: input schema → handler under its time limit → output schema. Used by durable
// tasks and by `ask` alike. Whatever goes wrong comes out as one TroupeError.
import { retryRules, type RetryRules } from "../bus/delivery/retry.js";
import { formatMs, toMs } from "../protocol/duration.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { parseWith } from "../protocol/schema.js";
import type { AnySkill } from "./agent.js";
import type { HandlerContext } from "./task-context.js";
import type { Watch } from "./watch.js";

export interface SkillRunner {
  readonly name: string;
  readonly skill: AnySkill;
  readonly rules: RetryRules;
  readonly timeoutMs: number;
}

export function toRunner(name: string, skill: AnySkill): SkillRunner {
  return {
    name,
    skill,
    rules: retryRules(skill.retry),
    timeoutMs: toMs(skill.timeout ?? "5m", "timeout"),
  };
}

/** One run of a handler, while it lasts: the watch ends it when its time is up, a canceler when it is called off. */
export interface Run {
  readonly context: HandlerContext;
  readonly endsAt: number;
  /** What to say when its time is up. */
  readonly outOfTime: () => TroupeError;
  /** Ends the run from outside; the handler's own result no longer counts. */
  stop: (error: TroupeError) => void;
}

/** Throws TroupeError only. */
export async function perform(
  runner: SkillRunner,
  watch: Watch,
  context: HandlerContext,
  rawInput: unknown,
  deadlineInMs = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  const { skill, name, timeoutMs } = runner;
  const input: unknown = await parseWith(
    skill.input,
    rawInput,
    "INPUT_INVALID",
    `the input of ${context.agent}.${name}`,
  );
  const run = startRun(context, timeoutMs, deadlineInMs);
  watch.add(run);
  try {
    const output = await untilStopped(
      run,
      () => skill.run(input, context) as unknown,
    );
    if (!skill.output) return output;
    return await parseWith(
      skill.output,
      output,
      "OUTPUT_INVALID",
      `what the handler of ${context.agent}.${name} returned`,
    );
  } catch (thrown) {
    throw toTroupeError(thrown);
  } finally {
    watch.remove(run);
  }
}

function startRun(
  context: HandlerContext,
  timeoutMs: number,
  deadlineInMs: number,
): Run {
  const byDeadline = deadlineInMs < timeoutMs;
  const what = `${context.agent}.${context.skill}`;
  const outOfTime = () =>
    byDeadline
      ? new TroupeError(
          "DEADLINE_PASSED",
          `the deadline of task "${context.id}" passed while ${what} worked on it`,
        )
      : new TroupeError(
          "TIMED_OUT",
          `${what} took longer than its timeout of ${formatMs(timeoutMs)}: make it faster or give the skill a longer timeout`,
        );
  return {
    context,
    endsAt: Date.now() + Math.min(timeoutMs, deadlineInMs),
    outOfTime,
    stop: () => undefined,
  };
}

function untilStopped(run: Run, handler: () => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    run.stop = (error) => {
      reject(error);
      run.context.abort(error);
    };
    Promise.resolve(handler()).then(resolve, reject);
  });
}

/** What a handler throws is retryable, unless it says otherwise by a TroupeError or `retryable: false`. */
function toTroupeError(thrown: unknown): TroupeError {
  if (thrown instanceof TroupeError) return thrown;
  const said = (thrown as { retryable?: unknown } | null | undefined)
    ?.retryable;
  return new TroupeError("HANDLER_FAILED", messageOf(thrown), {
    cause: thrown,
    ...(typeof said === "boolean" ? { retryable: said } : {}),
  });
}
