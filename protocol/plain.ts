// Plain data: what comes back from the wire as it was sent. A class or a function would come back as something else.
import { TroupeError, type ErrorCode } from "./errors.js";

const deepest = 200;

/** Throws `code` with the path of what is no plain data; `what` says whose value it is, where that is so. */
export function checkPlain(
  value: unknown,
  code: ErrorCode,
  what: () => string,
): void {
  if (typeof value !== "object" && isPlainValue(value)) return;
  check(value, "", 0, (path, found) => {
    const shown = path.length > 80 ? `${path.slice(0, 80)}…` : path;
    const where = path === "" ? "it" : `"${shown}"`;
    throw new TroupeError(
      code,
      `${what()} cannot be stored: ${where} is ${found}. Return plain data: what JSON has, dates and bytes`,
      { data: { path: shown } },
    );
  });
}

type Refuse = (path: string, found: string) => never;

function check(value: unknown, path: string, depth: number, refuse: Refuse) {
  if (isPlainValue(value)) return;
  if (typeof value !== "object") refuse(path, `a ${typeof value}`);
  if (depth > deepest) refuse(path, "a circle, or nested too deeply");
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++)
      check(value[at], `${path}[${at}]`, depth + 1, refuse);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    refuse(path, `an instance of ${nameOf(value!)}`);
  for (const key in value) {
    const at = path === "" ? key : `${path}.${key}`;
    check((value as Record<string, unknown>)[key], at, depth + 1, refuse);
  }
}

function isPlainValue(value: unknown): boolean {
  if (value === null) return true;
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "object":
      return value instanceof Date || value instanceof Uint8Array;
    default:
      return false;
  }
}

function nameOf(value: object): string {
  const { name } = value.constructor;
  return name === "" ? "an unnamed class" : name;
}
