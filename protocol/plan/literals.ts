// What is written out in a plan and can be known to be wrong before it runs: votes that nobody can win, dates that
// are none, schemas that cannot be used.
import { messageOf } from "../errors.js";
import { formOf } from "./expression.js";
import { toZod } from "../json-schema.js";
import { isObject, type Outline, type PlanProblem } from "./outline.js";
import { duration, type VoteStep, type WaitStep } from "./step.js";

export function* checkLiterals({
  plan,
  nodes,
}: Outline): Generator<PlanProblem> {
  for (const { step, path } of nodes) {
    if (step === undefined) continue;
    if ("vote" in step) yield* checkVote(step, path);
    if ("wait" in step) yield* checkWait(step, path);
    if ("map" in step && !Array.isArray(step.map) && !isForm(step.map))
      yield {
        path: `${path}.map`,
        message: "expected a list, or a reference to one",
      };
  }
  if (plan?.input) yield* checkSchema(plan.input, "input");
  for (const [name, { schema, default: value }] of Object.entries(
    plan?.params ?? {},
  )) {
    if (schema === undefined) continue;
    const path = `params.${name}`;
    yield* checkSchema(schema, `${path}.schema`);
    if (value !== undefined)
      yield* checkDefault(schema, value, `${path}.default`);
  }
}

const isForm = (value: unknown): boolean =>
  isObject(value) && formOf(value) !== undefined;

function* checkVote(
  { vote, rule }: VoteStep,
  path: string,
): Generator<PlanProblem> {
  if (typeof rule !== "object") return;
  const total = vote.reduce<number>(
    (sum, voter) => sum + (typeof voter === "string" ? 1 : (voter.weight ?? 1)),
    0,
  );
  if (rule.atLeast > total)
    yield {
      path: `${path}.rule.atLeast`,
      message: `is ${rule.atLeast}, and all voters together weigh ${total}; expected no more`,
    };
}

function* checkWait({ wait }: WaitStep, path: string): Generator<PlanProblem> {
  if (typeof wait !== "object") return;
  if ("until" in wait && !isForm(wait.until) && !isDate(wait.until))
    yield {
      path: `${path}.wait.until`,
      message:
        'expected a date such as "2030-01-31T12:00:00Z", or a reference to one',
    };
  if ("for" in wait && !isForm(wait.for)) {
    const parsed = duration.safeParse(wait.for);
    if (!parsed.success)
      yield {
        path: `${path}.wait.for`,
        message: parsed.error.issues[0]!.message,
      };
  }
  if ("signal" in wait && wait.schema)
    yield* checkSchema(wait.schema, `${path}.wait.schema`);
}

const isDate = (value: unknown): boolean =>
  typeof value === "string" && !Number.isNaN(Date.parse(value));

function* checkSchema(
  schema: Record<string, unknown>,
  path: string,
): Generator<PlanProblem> {
  try {
    toZod(schema);
  } catch (error) {
    yield { path, message: `expected a JSON Schema: ${messageOf(error)}` };
  }
}

function* checkDefault(
  schema: Record<string, unknown>,
  value: unknown,
  path: string,
): Generator<PlanProblem> {
  try {
    const parsed = toZod(schema).safeParse(value);
    if (!parsed.success)
      yield {
        path,
        message: `does not fit its schema: ${parsed.error.issues[0]!.message}`,
      };
  } catch {
    // that it is no schema has been said
  }
}
