// A schedule's record is JSON, so that people can read it with any tool. Input that JSON would change is refused:
// each firing would submit something else than what was asked for.
import { messageOf, TroupeError } from "../../protocol/errors.js";

/** Throws ARGUMENT_INVALID with the path of what JSON cannot carry. */
export function checkKeepable(input: unknown): void {
  try {
    JSON.stringify(input);
  } catch (cause) {
    throw unkeepable("the input", messageOf(cause).split("\n")[0]!, cause);
  }
  if (input !== undefined) checkPart(input, "the input");
}

function checkPart(value: unknown, path: string): void {
  if (value === null || ["string", "boolean"].includes(typeof value)) return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    // Not forEach, which passes over holes.
    for (const [at, item] of value.entries()) checkPart(item, `${path}[${at}]`);
    return;
  }
  if (!isPlainObject(value)) throw unkeepable(path, `it is ${nameOf(value)}`);
  for (const [key, item] of Object.entries(value))
    if (item !== undefined) checkPart(item, `${path}.${key}`);
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  if (typeof value === "object" && value !== null)
    return `a ${value.constructor.name}`;
  return typeof value === "number" ? String(value) : `of type ${typeof value}`;
}

function unkeepable(path: string, why: string, cause?: unknown): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${path} of a schedule cannot be kept as JSON: ${why}. Use plain values`,
    { cause },
  );
}
