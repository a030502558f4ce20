// Conditions of a plan, as data, one operator an object: {"eq": [{"ref": "steps.rate.score"}, 5]}. No code.
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { TroupeError } from "../errors.js";
import { nearest } from "../nearest.js";
import {
  formOf,
  kindOfValue,
  lookUp,
  referencesIn,
  resolve,
  type FoundReference,
  type Place,
  type Roots,
} from "./expression.js";
import { compared, list } from "./forms.js";

const pair = z.tuple([z.unknown(), z.unknown()]);

export const condition = z
  .union([
    z.strictObject({ eq: pair }),
    z.strictObject({ ne: pair }),
    z.strictObject({ gt: compared }),
    z.strictObject({ gte: compared }),
    z.strictObject({ lt: compared }),
    z.strictObject({ lte: compared }),
    z.strictObject({ in: z.tuple([z.unknown(), list]) }),
    z.strictObject({ exists: z.unknown() }),
    z.strictObject({
      get and(): z.ZodArray<z.ZodType<Condition>> {
        return z.array(condition).min(1);
      },
    }),
    z.strictObject({
      get or(): z.ZodArray<z.ZodType<Condition>> {
        return z.array(condition).min(1);
      },
    }),
    z.strictObject({
      get not(): z.ZodType<Condition> {
        return condition;
      },
    }),
  ])
  .meta({ id: "condition" }) as z.ZodType<Condition>;

type Pair = [unknown, unknown];

/** Of two values, two conditions or one; gt and its like compare two numbers or two texts. */
export type Condition =
  | Record<"eq", Pair>
  | Record<"ne", Pair>
  | Record<"gt", Pair>
  | Record<"gte", Pair>
  | Record<"lt", Pair>
  | Record<"lte", Pair>
  | Record<"in", Pair>
  | Record<"exists", unknown>
  | { and: Condition[] }
  | { or: Condition[] }
  | { not: Condition };

const comparing = ["gt", "gte", "lt", "lte"];
const pairs = ["eq", "ne", ...comparing, "in"];
const operators = [...pairs, "exists", "and", "or", "not"];

/** What is wrong with it, and every reference in it. */
export function* readCondition(
  value: unknown,
  at: Place = [],
): Generator<FoundReference> {
  const keys =
    typeof value === "object" && value !== null ? Object.keys(value) : [];
  const [operator = ""] = keys;
  if (keys.length !== 1 || Array.isArray(value))
    return yield {
      at,
      problem: `expected a condition, an object with one of ${operators.join(", ")}, such as {"eq": [{"ref": "steps.rate.score"}, 5]}`,
    };
  const operand = (value as Record<string, unknown>)[operator];
  const place = [...at, operator];
  if (pairs.includes(operator)) {
    if (!Array.isArray(operand) || operand.length !== 2)
      yield {
        at: place,
        problem: `expected two values: {"${operator}": [a, b]}`,
      };
    else {
      yield* unfitIn(operator, operand as Pair, place);
      yield* placed(operand, place);
    }
  } else if (operator === "exists") {
    const form = isObject(operand) ? formOf(operand) : undefined;
    if (form?.form === "ref" || form?.form === "param")
      yield { at: place, reference: form.reference };
    else
      yield {
        at: place,
        problem: 'expected a reference: {"exists": {"ref": "steps.draft"}}',
      };
  } else if (operator === "and" || operator === "or") {
    if (!Array.isArray(operand) || operand.length === 0)
      yield {
        at: place,
        problem: `expected a list of conditions: {"${operator}": [{…}, {…}]}`,
      };
    else
      for (const [index, inner] of operand.entries())
        yield* readCondition(inner, [...place, index]);
  } else if (operator === "not") yield* readCondition(operand, place);
  else yield { at: place, problem: unknownOperator(operator) };
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null;

/** What can be said of the operands before the plan runs. */
function* unfitIn(
  operator: string,
  operands: Pair,
  place: Place,
): Generator<FoundReference> {
  const kinds = operands.map(kindOfValue);
  if (operator === "in" && (kinds[1] ?? "list") !== "list")
    yield {
      at: [...place, 1],
      problem: "expected a list, or a reference to one",
    };
  if (!comparing.includes(operator)) return;
  for (const [at, kind] of kinds.entries())
    if (kind !== undefined && kind !== "number" && kind !== "text")
      return yield {
        at: [...place, at],
        problem: `expected a number or a text, got ${article(kind)}`,
      };
  const [left, right = left] = kinds;
  if (left !== undefined && left !== right)
    yield {
      at: place,
      problem: `expected two numbers or two texts, got ${article(left)} and ${article(right!)}`,
    };
}

const article = (kind: string): string =>
  kind === "null" ? kind : `${kind === "object" ? "an" : "a"} ${kind}`;

function* placed(values: unknown, place: Place): Generator<FoundReference> {
  for (const found of referencesIn(values))
    yield { ...found, at: [...place, ...found.at] };
}

function unknownOperator(operator: string): string {
  const near = nearest(operator, operators);
  return near === undefined
    ? `unknown operator "${operator}": there are ${operators.join(", ")}`
    : `unknown operator "${operator}": did you mean "${near}"?`;
}

/** Throws PLAN_FAILED where a reference leads to nothing, or values cannot be compared so. */
export function holds(given: Condition, roots: Roots): boolean {
  if ("and" in given) return given.and.every((each) => holds(each, roots));
  if ("or" in given) return given.or.some((each) => holds(each, roots));
  if ("not" in given) return !holds(given.not, roots);
  if ("exists" in given) return exists(given.exists, roots);
  const [operator, values] = Object.entries(given)[0] as [string, Pair];
  const [left, right] = resolve(values, roots) as Pair;
  if (operator === "eq") return isDeepStrictEqual(left, right);
  if (operator === "ne") return !isDeepStrictEqual(left, right);
  if (operator === "in") return isIn(left, right);
  return compares(operator, left, right);
}

function exists(operand: unknown, roots: Roots): boolean {
  const form = formOf(operand as object);
  if (form?.form !== "ref" && form?.form !== "param") return false;
  return (lookUp(form.reference, roots) ?? null) !== null;
}

function isIn(value: unknown, list: unknown): boolean {
  if (Array.isArray(list))
    return list.some((item) => isDeepStrictEqual(item, value));
  throw cannot("in", "a list on its right", list);
}

function compares(operator: string, left: unknown, right: unknown): boolean {
  if (
    typeof left !== typeof right ||
    (typeof left !== "number" && typeof left !== "string")
  )
    throw cannot(operator, "two numbers or two texts", [left, right]);
  const sign = left === right ? 0 : left < right! ? -1 : 1;
  return { gt: sign > 0, gte: sign >= 0, lt: sign < 0, lte: sign <= 0 }[
    operator as "gt" | "gte" | "lt" | "lte"
  ];
}

function cannot(operator: string, wanted: string, got: unknown): TroupeError {
  return new TroupeError(
    "PLAN_FAILED",
    `the condition "${operator}" takes ${wanted}, and got ${JSON.stringify(got)}: correct the plan`,
  );
}
