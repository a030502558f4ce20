// What a plan is given when it is to run: its input, and the values of its parameters.
import { TroupeError } from "../errors.js";
import { checkingTime, ForeignSchema } from "../json-schema-parse.js";
import { nearest } from "../nearest.js";
import type { Plan } from "./plan.js";
import { parseBy } from "./schemas.js";

/**
 * With the defaults of those that are not given. Throws INPUT_INVALID for one that is missing, unknown or does not fit,
 * and PLAN_INVALID where that takes too long to find out.
 */
export async function checkParams(
  { params = {} }: Plan,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(params, name)) throw unknown(name, Object.keys(params));
  const values: Record<string, unknown> = {};
  const time = checkingTime();
  for (const [name, parameter] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : parameter.default;
    if (value === undefined) throw missing(name, parameter.description);
    const path = `params.${name}.schema`;
    const what = `parameter "${name}"`;
    await fitting(parameter.schema, value, { path, what, time });
    values[name] = value;
  }
  return values;
}

/** As it is given. Throws INPUT_INVALID with the path of the field, and PLAN_INVALID. */
export async function checkPlanInput(
  { input }: Plan,
  given: unknown,
): Promise<unknown> {
  await fitting(input, given, { path: "input", what: "the plan's input" });
  return given;
}

async function fitting(
  schema: Record<string, unknown> | undefined,
  value: unknown,
  at: Parameters<typeof parseBy>[2],
): Promise<void> {
  if (schema) await parseBy(new ForeignSchema(schema), value, at);
}

function unknown(name: string, known: readonly string[]): TroupeError {
  const near = nearest(name, known);
  const hint =
    near === undefined
      ? known.length === 0
        ? "it has none"
        : `it has "${known.join('", "')}"`
      : `did you mean "${near}"?`;
  return new TroupeError(
    "INPUT_INVALID",
    `the plan has no parameter "${name}": ${hint}`,
  );
}

function missing(name: string, description: string | undefined): TroupeError {
  return new TroupeError(
    "INPUT_INVALID",
    `parameter "${name}" of the plan is missing${description === undefined ? "" : ` (${description})`}: give it a value`,
  );
}
