// What a plan is given when it is to run: its input, and the values of its parameters.
import { TroupeError } from "../errors.js";
import { nearest } from "../nearest.js";
import { parseWith } from "../schema.js";
import { toZod } from "../json-schema.js";
import type { Plan } from "./plan.js";

/** With the defaults of those that are not given. Throws INPUT_INVALID for one that is missing, unknown or does not fit. */
export async function checkParams(
  { params = {} }: Plan,
  given: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(params, name)) throw unknown(name, Object.keys(params));
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : parameter.default;
    if (value === undefined) throw missing(name, parameter.description);
    values[name] = await fitting(
      parameter.schema,
      value,
      `parameter "${name}"`,
    );
  }
  return values;
}

/** Throws INPUT_INVALID with the path of the field. */
export function checkPlanInput(
  { input }: Plan,
  given: unknown,
): Promise<unknown> {
  return fitting(input, given, "the plan's input");
}

async function fitting(
  schema: Record<string, unknown> | undefined,
  value: unknown,
  what: string,
): Promise<unknown> {
  if (schema === undefined) return value;
  await parseWith(toZod(schema), value, "INPUT_INVALID", what);
  return value;
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
