// Whether a reference to the plan's input leads to what its schema describes. A schema that says nothing of other fields
// takes them: of such a one only what looks like a slip is told.
import { nearest } from "../nearest.js";
import { isObject } from "./outline.js";

/** What may describe fields in other ways than `properties` does. */
const elsewhere = [
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "if",
  "patternProperties",
  "dependentSchemas",
];
const mostShown = 20;

/** What is wrong with the path of a reference `input…`. */
export function inputProblem(
  path: readonly string[],
  schema: unknown,
): string | undefined {
  let around = schema;
  for (const [place, field] of path.entries()) {
    const fields = fieldsIn(around);
    if (fields === undefined) return undefined;
    if (!Object.hasOwn(fields, field)) {
      const whole = ["input", ...path.slice(0, place)].join(".");
      return unknownField(field, fields, whole, around as Schema);
    }
    around = fields[field];
  }
  return undefined;
}

type Schema = Record<string, unknown>;

/** Undefined where it is not certain that these are all that it describes. */
function fieldsIn(schema: unknown): Schema | undefined {
  if (!isObject(schema)) return undefined;
  const { type = "object", properties, additionalProperties: more } = schema;
  if (type !== "object" || elsewhere.some((key) => key in schema))
    return undefined;
  if (more !== undefined && more !== false) return undefined;
  if (properties === undefined && more === false) return {};
  return isObject(properties) ? properties : undefined;
}

function unknownField(
  field: string,
  fields: Schema,
  whole: string,
  { additionalProperties: more }: Schema,
): string | undefined {
  const names = Object.keys(fields);
  const near = nearest(field, names);
  const said = `"${whole}" has no "${field}"`;
  if (near !== undefined)
    return more === false
      ? `${said}: did you mean "${near}"?`
      : `${said} by the plan's input schema: did you mean "${near}"? If not, describe it there`;
  if (more !== false) return undefined;
  const shown = names.slice(0, mostShown).join(", ");
  return `${said} by the plan's input schema; ${names.length === 0 ? "it has no fields" : `expected one of ${shown}${names.length > mostShown ? ", …" : ""}`}`;
}
