// What a plan waits for: time, signals, people.
import { z } from "zod";
import { toMs, type Duration } from "../../protocol/duration.js";
import { hasCode, TroupeError } from "../../protocol/errors.js";
import { inWords, resolve } from "../../protocol/plan/expression.js";
import { ForeignSchema } from "../../protocol/json-schema-parse.js";
import { planAnswer } from "../../protocol/plan/questions.js";
import { parseBy } from "../../protocol/plan/schemas.js";
import type { ApproveStep, WaitStep } from "../../protocol/plan/step.js";
import type { PlanTask } from "./plan-task.js";
import type { PlanProgress } from "./progress.js";
import type { Scope } from "./scope.js";

type Answer = z.infer<typeof planAnswer>;

/** The result of an approval. */
type Approval = Partial<Answer> & {
  approved: boolean;
  timedOut?: true;
};

/** Throws APPROVAL_DENIED, or WAIT_TIMED_OUT when nobody answered. */
export async function approval(
  task: PlanTask,
  step: ApproveStep,
  { roots, round }: Scope,
  progress: PlanProgress,
): Promise<Approval> {
  const place = step.name + round;
  const question = inWords(resolve(step.approve, roots));
  const show =
    step.show === undefined ? {} : { show: resolve(step.show, roots) };
  // On the journal, for who is to answer.
  await task.step(place, () => ({ question, ...show }));
  progress.tell(`${place}: ${question}`, {
    step: place,
    state: "waiting",
    question,
    ...show,
  });
  const answer = await signalOr(
    task,
    place,
    { schema: planAnswer, question, ...timeoutOf(step) },
    step.otherwise,
  );
  if (answer === undefined) return { approved: false, timedOut: true };
  const given = answer as Answer;
  if (given.approved || step.otherwise === "continue") return given;
  throw denied(given);
}

/** Throws WAIT_TIMED_OUT where a signal does not come; PLAN_FAILED for a date or a time that is none. */
export async function waiting(
  task: PlanTask,
  step: WaitStep,
  { roots, round }: Scope,
): Promise<unknown> {
  const { wait } = step;
  if (typeof wait !== "object") return task.sleep(wait as Duration);
  if ("until" in wait) return task.until(toDate(resolve(wait.until, roots)));
  if ("for" in wait) return task.sleep(toSpan(resolve(wait.for, roots)));
  const name = wait.signal + round;
  const schema = wait.schema
    ? { schema: fitting(step, wait.schema, name) }
    : {};
  const options = { ...schema, ...timeoutOf(step) };
  return signalOr(task, name, options, step.otherwise);
}

/** A signal by which it takes too long is passed over, as one that does not fit, and the journal says why. */
function fitting(
  { name }: WaitStep,
  schema: Record<string, unknown>,
  signal: string,
): z.ZodType {
  const foreign = new ForeignSchema(schema);
  const at = {
    path: `step "${name}": wait.schema`,
    what: `signal "${signal}"`,
  };
  return z.unknown().transform((value) => parseBy(foreign, value, at));
}

/** Undefined when none came in time and the plan is to go on. */
async function signalOr(
  task: PlanTask,
  name: string,
  options: { schema?: z.ZodType; timeout?: Duration; question?: string },
  otherwise: "fail" | "continue" = "fail",
): Promise<unknown> {
  try {
    return await task.waitFor(name, options);
  } catch (error) {
    const isLate = hasCode(error, "WAIT_TIMED_OUT");
    if (isLate && otherwise === "continue") return undefined;
    throw error;
  }
}

const timeoutOf = ({ timeout }: ApproveStep | WaitStep) =>
  timeout === undefined ? {} : { timeout: timeout as Duration };

function toDate(value: unknown): Date {
  const date = new Date(typeof value === "number" ? value : String(value));
  if (!Number.isNaN(date.getTime())) return date;
  throw new TroupeError(
    "PLAN_FAILED",
    `${JSON.stringify(value)} is no date to wait until: expected such as "2030-01-31T12:00:00Z"`,
  );
}

function toSpan(value: unknown): Duration {
  try {
    toMs(value as Duration, "wait.for");
    return value as Duration;
  } catch (cause) {
    throw new TroupeError("PLAN_FAILED", (cause as Error).message, { cause });
  }
}

function denied({ by, comment }: Answer): TroupeError {
  const who = by === undefined ? "somebody" : `"${by}"`;
  return new TroupeError(
    "APPROVAL_DENIED",
    `${who} said no${comment === undefined ? "" : `: ${comment}`}`,
    { data: { by, comment } },
  );
}
