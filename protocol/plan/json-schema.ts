// A JSON Schema that a plan's author wrote, as something to check by. zod passes over two things that authors leave
// out and mean all the same: the type of an object, and a property that is required and not described.
import { z } from "zod";

type Schema = Record<string, unknown>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws what zod throws for what is no schema. */
export function toZod(schema: Schema): z.ZodType {
  return z.fromJSONSchema(completed(schema));
}

function completed(schema: Schema): Schema {
  const whole = { ...schema };
  for (const key of ["items", "additionalProperties", "not"])
    if (isSchema(schema[key])) whole[key] = completed(schema[key]);
  for (const key of ["anyOf", "oneOf", "allOf", "prefixItems"])
    if (Array.isArray(schema[key]))
      whole[key] = schema[key].map((each) =>
        isSchema(each) ? completed(each) : (each as unknown),
      );
  for (const key of ["properties", "$defs"])
    if (isSchema(schema[key])) whole[key] = allCompleted(schema[key]);
  const { properties, required, type } = schema;
  if (type === undefined && (isSchema(properties) || Array.isArray(required)))
    whole["type"] = "object";
  if (whole["type"] === "object" && Array.isArray(required))
    whole["properties"] = {
      ...Object.fromEntries(required.map((name) => [String(name), {}])),
      ...(isSchema(whole["properties"]) ? whole["properties"] : {}),
    };
  return whole;
}

const allCompleted = (schemas: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, each]) => [
      name,
      isSchema(each) ? completed(each) : each,
    ]),
  );
