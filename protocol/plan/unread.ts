// Steps that are written somewhere in a plan and are not in its tree.
import { isObject, type Outline } from "./outline.js";
import { blockFields, kindsIn, type Kind } from "./step.js";

/**
 * The names of steps that may be there and are not in the tree, for what holds them is not as it should be; undefined
 * where there may be one of any name.
 */
export function unreadNames(
  { nodes }: Outline,
  plan: Record<string, unknown>,
): Set<string> | undefined {
  if (!Array.isArray(plan["steps"])) return undefined;
  const names = new Set<string>();
  for (const node of nodes) {
    if (!isObject(node.raw) || node.name === undefined) return undefined;
    for (const value of unreadIn(node.raw, node.kind))
      for (const name of namesIn(value)) names.add(name);
  }
  return names;
}

/** What of a step may hold steps that are not in the tree. */
function unreadIn(
  raw: Record<string, unknown>,
  kind: Kind | undefined,
): unknown[] {
  const fields = (kind && blockFields[kind]) ?? [];
  const isOne = kindsIn(raw).length === 1;
  return Object.entries(raw)
    .filter(([key, value]) => {
      const isBlock = fields.includes(key);
      return isBlock ? !Array.isArray(value) : !isOne;
    })
    .map(([, value]) => value);
}

function* namesIn(value: unknown): Generator<string> {
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    const { name } = next as { name?: unknown };
    if (typeof name === "string") yield name;
    for (const inner of Object.values(next)) open.push(inner ?? null);
  }
}
