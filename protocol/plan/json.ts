// Whether a value is JSON, and not deeper than what walks through it can bear.
import { pathTo } from "../schema.js";
import type { PlanProblem } from "./outline.js";

const deepest = 64;

interface Open {
  value: unknown;
  path: string;
  depth: number;
}

export function jsonProblem(plan: unknown): PlanProblem | undefined {
  const open: Open[] = [{ value: plan, path: "", depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, path, depth } = next;
    if (value === null || ["string", "boolean"].includes(typeof value))
      continue;
    if (typeof value === "number" && Number.isFinite(value)) continue;
    if (!isPlain(value))
      return { path, message: `expected JSON, got ${nameOf(value)}` };
    if (depth === deepest)
      return { path, message: `expected at most ${deepest} levels of nesting` };
    for (const [key, inner] of Object.entries(value)) {
      const place = Array.isArray(value) ? Number(key) : key;
      if (inner !== undefined)
        open.push({
          value: inner,
          path: pathTo(path, [place]),
          depth: depth + 1,
        });
    }
  }
  return undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    Array.isArray(value) || prototype === Object.prototype || prototype === null
  );
}

function nameOf(value: unknown): string {
  return typeof value === "object"
    ? `a ${value?.constructor.name ?? "null"}`
    : `a ${typeof value} that JSON has not`;
}
