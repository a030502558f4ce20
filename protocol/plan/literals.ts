// What is written out in a plan and can be known to be wrong before it runs: votes that nobody can win, dates that
// are none, schemas that cannot be used.
import { messageOf, TroupeError } from "../errors.js";
import { checkingTime, ForeignSchema } from "../json-schema-parse.js";
import { toZod } from "../json-schema.js";
import type { TimeBox } from "../time-box.js";
import { contextToken, keyToken } from "../tokens.js";
import { isWithin } from "./ballots.js";
import { formOf, kindOfValue, knownWords } from "./expression.js";
import {
  fieldsOf,
  isObject,
  type Outline,
  type PlanProblem,
} from "./outline.js";
import { unusable } from "./schemas.js";
import { duration, mostAtLeast, noName } from "./step.js";

/** As it is written, also where a step or the plan does not fit its shape: what is no value of a kind is told there. */
export function* checkLiterals(
  { nodes }: Outline,
  plan: Record<string, unknown>,
): Generator<PlanProblem> {
  for (const node of nodes) {
    const { vote, rule, wait, map, key, context } = fieldsOf(node);
    const { path } = node;
    if (Array.isArray(vote)) yield* checkRule(vote, rule, path);
    if (isObject(wait)) yield* checkWait(wait, path);
    if (node.kind === "call") {
      yield* checkToken(key, keyToken, `${path}.key`);
      yield* checkToken(context, contextToken, `${path}.context`);
    }
    if (node.kind === "map" && (kindOfValue(map) ?? "list") !== "list")
      yield {
        path: `${path}.map`,
        message: "expected a list, or a reference to one",
      };
  }
  const { name, input, params } = plan;
  if (name === "")
    yield { path: "name", message: "is empty; expected a name, or none" };
  if (isObject(input)) yield* checkSchema(input, "input");
  if (!isObject(params)) return;
  // The one name that zod passes over.
  if (Object.hasOwn(params, "__proto__"))
    yield { path: "params.__proto__", message: noName };
  const time = checkingTime();
  for (const [name, parameter] of Object.entries(params)) {
    if (!isObject(parameter) || !isObject(parameter["schema"])) continue;
    const { schema, default: value } = parameter;
    const path = `params.${name}`;
    yield* checkSchema(schema, `${path}.schema`);
    if (value !== undefined) yield* checkDefault(schema, value, path, time);
  }
}

type Schema = Record<string, unknown>;

const isForm = (value: unknown): boolean =>
  isObject(value) && formOf(value) !== undefined;

/** By what makes a subject of it when the plan runs. */
function* checkToken(
  value: unknown,
  tokenOf: (name: string) => string,
  path: string,
): Generator<PlanProblem> {
  const said = value === undefined ? undefined : knownWords(value);
  if (said === undefined) return;
  try {
    tokenOf(said);
  } catch (error) {
    yield { path, message: messageOf(error) };
  }
}

function* checkRule(
  voters: readonly unknown[],
  rule: unknown,
  path: string,
): Generator<PlanProblem> {
  const atLeast = isObject(rule) ? rule["atLeast"] : undefined;
  if (typeof atLeast !== "number" || atLeast > mostAtLeast) return;
  const total = voters.reduce<number>((sum, voter) => sum + weightOf(voter), 0);
  if (!isWithin(atLeast, total))
    yield {
      path: `${path}.rule.atLeast`,
      message: `is ${atLeast}, and all voters together weigh ${total}; expected no more`,
    };
}

function weightOf(voter: unknown): number {
  const weight = isObject(voter) ? voter["weight"] : undefined;
  return typeof weight === "number" ? weight : 1;
}

function* checkWait(
  wait: Record<string, unknown>,
  path: string,
): Generator<PlanProblem> {
  if ("until" in wait && !isForm(wait["until"]) && !isDate(wait["until"]))
    yield {
      path: `${path}.wait.until`,
      message:
        'expected a date such as "2030-01-31T12:00:00Z", or a reference to one',
    };
  if ("for" in wait && !isForm(wait["for"])) {
    const parsed = duration.safeParse(wait["for"]);
    if (!parsed.success)
      yield {
        path: `${path}.wait.for`,
        message: parsed.error.issues[0]!.message,
      };
  }
  if (isObject(wait["schema"]))
    yield* checkSchema(wait["schema"], `${path}.wait.schema`);
}

/** The server takes a later date as past. */
const latest = Date.UTC(2262, 0, 1);

const isDate = (value: unknown): boolean =>
  typeof value === "string" && Date.parse(value) <= latest;

/** Whether it is one. */
function* checkSchema(
  schema: Schema,
  path: string,
): Generator<PlanProblem, boolean> {
  try {
    toZod(schema);
    return true;
  } catch (error) {
    yield { path, message: `expected a JSON Schema: ${messageOf(error)}` };
    return false;
  }
}

function* checkDefault(
  schema: Schema,
  value: unknown,
  path: string,
  time: TimeBox,
): Generator<PlanProblem> {
  if (time.isUsedUp) return; // what used it up has been told
  const foreign = new ForeignSchema(schema);
  try {
    void foreign.parse(value, "INPUT_INVALID", "it", time);
  } catch (error) {
    if (error instanceof TroupeError)
      yield {
        path: `${path}.default`,
        message: error.message.replace("it does", "does"),
      };
    else yield* unusable(foreign, `${path}.schema`, error);
  }
}
