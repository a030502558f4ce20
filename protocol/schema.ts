// Checking a value against a zod schema at an edge (R7), with the path of the field that does not fit.
import { z } from "zod";
import { TroupeError, type ErrorCode } from "./errors.js";

/** A large value may have more wrong fields than fit into the message that says so. */
const maxIssues = 20;

/** Throws `code` with each refused field's path; `what` says whose value it is. */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ErrorCode,
  what: string,
): z.output<Schema> | Promise<z.output<Schema>> {
  let result;
  try {
    result = schema.safeParse(value);
  } catch (error) {
    if (error instanceof z.core.$ZodAsyncError)
      return parseAsync(schema, value, code, what);
    throw error;
  }
  if (result.success) return result.data;
  throw refusal(result.error, code, what);
}

async function parseAsync<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: ErrorCode,
  what: string,
) {
  const result = await schema.safeParseAsync(value);
  if (result.success) return result.data;
  throw refusal(result.error, code, what);
}

function refusal(
  error: z.ZodError,
  code: ErrorCode,
  what: string,
): TroupeError {
  const issues = error.issues.slice(0, maxIssues).map((issue) => ({
    path: pathTo("", issue.path),
    message: issue.message,
  }));
  const more = error.issues.length - issues.length;
  const shown = issues
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
    .concat(more > 0 ? [`and ${more} more`] : [])
    .join("; ");
  return new TroupeError(code, `${what} does not fit its schema: ${shown}`, {
    data: { issues },
  });
}

/** `items[2].name`, where `base` is `items` or "". */
export function pathTo(base: string, place: readonly PropertyKey[]): string {
  return place.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, base);
}
