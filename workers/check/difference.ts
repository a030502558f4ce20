// The first place in which two values differ.
import { isDeepStrictEqual } from "node:util";
import { decodeBody, encodeBody } from "../../protocol/codec.js";

interface ValueDifference {
  /** "" for the whole. */
  path: string;
  expected: unknown;
  found: unknown;
}

/** Both as they would come over the wire. */
export function valueDifference(
  expected: unknown,
  found: unknown,
): ValueDifference | undefined {
  return differenceAt("", travelled(expected), travelled(found));
}

function travelled(value: unknown): unknown {
  return (decodeBody(encodeBody({ value })) as { value?: unknown }).value;
}

function differenceAt(
  path: string,
  expected: unknown,
  found: unknown,
): ValueDifference | undefined {
  if (isDeepStrictEqual(expected, found)) return undefined;
  if (
    !isBranch(expected) ||
    !isBranch(found) ||
    Array.isArray(expected) !== Array.isArray(found)
  )
    return { path, expected, found };
  const isList = Array.isArray(expected);
  for (const key of new Set([
    ...Object.keys(expected),
    ...Object.keys(found),
  ])) {
    const below = isList
      ? `${path}[${key}]`
      : path === ""
        ? key
        : `${path}.${key}`;
    const difference = differenceAt(below, expected[key], found[key]);
    if (difference) return difference;
  }
  return { path, expected, found };
}

function isBranch(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  return !(value instanceof Date) && !(value instanceof Uint8Array);
}
