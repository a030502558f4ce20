// What was meant where a step does not say what it does, or its name, for a slip in that very field: so that one slip
// does not hide whatever else is wrong.
import type { z } from "zod";
import { nearest } from "../nearest.js";
import { kindOf, kinds, shapes, type Kind } from "./step.js";

/** A field that may mean another. */
export interface Typo {
  key: string;
  kind: Kind;
}

const known = new Set(
  Object.values(shapes).flatMap(({ shape }) => Object.keys(shape)),
);

/** The field that is meant to say what the step does, where none does and what it holds fits. */
export function typoIn(raw: Record<string, unknown>): Typo | undefined {
  if (kindOf(raw) !== undefined) return undefined;
  return nearKinds(raw).find(({ key, kind }) => fits(kind, raw[key]));
}

export const nearKinds = (raw: object): Typo[] =>
  Object.keys(raw).flatMap((key) => {
    const kind = known.has(key) ? undefined : nearest(key, kinds);
    return kind === undefined ? [] : [{ key, kind: kind as Kind }];
  });

const fits = (kind: Kind, value: unknown): boolean =>
  (shapes[kind].shape as Record<string, z.ZodType>)[kind]!.safeParse(value)
    .success;

export function corrected(
  raw: object,
  { key, kind }: Typo,
): Record<string, unknown> {
  const { [key]: value, ...rest } = raw as Record<string, unknown>;
  return { ...rest, [kind]: value };
}

/** Also of a field that is only meant to be the name: so steps that refer to it are not told to be wrong. */
export function nameIn(raw: Record<string, unknown>): unknown {
  if (Object.hasOwn(raw, "name")) return raw["name"];
  const near = Object.keys(raw).find(
    (key) => !known.has(key) && nearest(key, ["name"]) !== undefined,
  );
  return near && raw[near];
}
