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
/** A plan may have many references, and many fields: what is looked at for slips is bounded. */
const mostCompared = 100;
const longestCompared = 64;

export interface InputFields {
  /** The JSON Schema of the plan's input, if there is one. */
  readonly schema: unknown;
  /** How many more fields that are not described are looked at. */
  left: number;
}

export const inputFields = (schema: unknown): InputFields => ({
  schema,
  left: mostCompared,
});

/** What is wrong with the path of a reference `input…`. */
export function inputProblem(
  path: readonly string[],
  input: InputFields,
): string | undefined {
  let around = input.schema;
  for (const [place, field] of path.entries()) {
    const fields = fieldsIn(around);
    if (fields === undefined) return undefined;
    if (!Object.hasOwn(fields, field)) {
      const whole = ["input", ...path.slice(0, place)].join(".");
      const isClosed = (around as Schema)["additionalProperties"] === false;
      return unknownField({ field, fields, whole, isClosed }, input);
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

interface Unknown {
  field: string;
  fields: Schema;
  /** What has no such field. */
  whole: string;
  isClosed: boolean;
}

function unknownField(
  { field, fields, whole, isClosed }: Unknown,
  input: InputFields,
): string | undefined {
  if (!isClosed && input.left-- <= 0) return undefined;
  const names = Object.keys(fields);
  const near = nearIn(field, names);
  const said = `"${whole}" has no "${field}"`;
  if (near !== undefined)
    return isClosed
      ? `${said}: did you mean "${near}"?`
      : `${said} by the plan's input schema: did you mean "${near}"? If not, describe it there`;
  if (!isClosed) return undefined;
  const shown = names.slice(0, mostShown).join(", ");
  return `${said} by the plan's input schema; ${names.length === 0 ? "it has no fields" : `expected one of ${shown}${names.length > mostShown ? ", …" : ""}`}`;
}

function nearIn(field: string, names: readonly string[]): string | undefined {
  const isShort = (name: string) => name.length <= longestCompared;
  if (names.length > mostCompared || !isShort(field)) return undefined;
  return nearest(field, names.filter(isShort));
}
