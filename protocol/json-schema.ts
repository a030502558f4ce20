// A JSON Schema that somebody wrote, as something to check by: the one place where that is made. zod passes over two
// things that authors leave out and mean all the same: the type of an object, and a property that is required and not
// described.
import { z } from "zod";

type Schema = Record<string, unknown>;

/** Throws what zod throws for what is no schema, or says what zod cannot check. */
export function toZod(schema: Schema): z.ZodType {
  return z.fromJSONSchema(completed(schema));
}

const single = ["items", "additionalProperties", "not"];
const listed = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const named = ["properties", "patternProperties", "$defs", "definitions"];

function completed(schema: Schema): Schema {
  const whole = { ...schema };
  for (const key of single)
    if (isSchema(schema[key])) whole[key] = completed(schema[key]);
  for (const key of listed)
    if (Array.isArray(schema[key]))
      whole[key] = schema[key].map((each: unknown) =>
        isSchema(each) ? completed(each) : each,
      );
  for (const key of named)
    if (isSchema(schema[key])) whole[key] = allCompleted(schema[key]);
  const { properties, required, type } = schema;
  if (type === undefined && (isSchema(properties) || Array.isArray(required)))
    whole["type"] = "object";
  if (mayBeObject(whole["type"]) && Array.isArray(required)) {
    const others = whole["additionalProperties"];
    const undescribed = isSchema(others) ? others : {};
    whole["properties"] = {
      ...Object.fromEntries(
        required.map((name) => [String(name), undescribed]),
      ),
      ...(isSchema(whole["properties"]) ? whole["properties"] : {}),
    };
  }
  return whole;
}

const allCompleted = (schemas: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, each]) => [
      name,
      isSchema(each) ? completed(each) : each,
    ]),
  );

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const mayBeObject = (type: unknown): boolean =>
  type === "object" || (Array.isArray(type) && type.includes("object"));
