// All references of a step, wherever in it they may stand, and what looks like one and is none.
import { readCondition } from "./condition.js";
import { referencesIn, type FoundReference, type Place } from "./expression.js";
import { fieldsOf, isObject, type StepNode } from "./outline.js";

const valueFields = [
  "input",
  "key",
  "context",
  "map",
  "approve",
  "show",
  "value",
];

/** In an undo, a step may refer to its own result. */
export type Found = FoundReference & { isUndo?: boolean };

export function* foundIn(node: StepNode): Generator<Found> {
  for (const { at, value } of valuesOf(fieldsOf(node)))
    for (const found of referencesIn(value))
      yield { ...found, at: [...at, ...found.at], isUndo: at[0] === "undo" };
  if (node.kind === "when")
    yield* readCondition(fieldsOf(node)["when"], ["when"]);
}

/** The fields of a step in which references may stand. */
function valuesOf(
  fields: Record<string, unknown>,
): { at: Place; value: unknown }[] {
  const values: { at: Place; value: unknown }[] = [];
  const add = (holder: unknown, at: Place, names: readonly string[]) => {
    if (!isObject(holder)) return;
    for (const name of names)
      if (Object.hasOwn(holder, name))
        values.push({ at: [...at, name], value: holder[name] });
  };
  add(fields, [], valueFields);
  add(fields["undo"], ["undo"], ["input"]);
  const { vote, wait } = fields;
  if (Array.isArray(vote))
    vote.forEach((voter, place) => add(voter, ["vote", place], ["input"]));
  add(wait, ["wait"], ["for", "until"]);
  return values;
}
