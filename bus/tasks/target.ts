// Whom a caller means: a typed skill of an agent it imports, "agent.skill" in words, or whoever meets a need.
import type { z } from "zod";
import { TroupeError } from "../../protocol/errors.js";
import {
  needIn,
  parseNeed,
  splitNames,
  type Need,
} from "../../protocol/need.js";
import { parseWith } from "../../protocol/schema.js";

/** Anything that knows its names and schemas; `agent(...).skills.…` does. */
export interface SkillTarget<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  readonly agent: string;
  readonly name: string;
  readonly input: Input;
  readonly output?: Output | undefined;
  /** Its agent keeps an actor for each context. */
  readonly stateful?: boolean;
}

/** A skill that was found by a need: known by its card alone. */
export interface FoundTarget {
  readonly agent: string;
  readonly name: string;
}

/** Who says who is to do it. */
export type NamedTarget = string | SkillTarget | FoundTarget;

/** As users write it. */
export type Target = string | SkillTarget | Need;

export type InputOf<To extends Target> =
  To extends SkillTarget<infer Input> ? z.input<Input> : unknown;
export type OutputOf<To extends Target> = To extends { output?: infer Output }
  ? NonNullable<Output> extends z.ZodType
    ? z.output<NonNullable<Output>>
    : unknown
  : unknown;

export interface Names {
  agent: string;
  skill: string;
}

/** Undefined where the target names who is to do it. Throws ARGUMENT_INVALID for a need that is none. */
export function needOf(target: Target): Need | undefined {
  if (typeof target === "string") return needIn(target);
  return "name" in target ? undefined : parseNeed(target);
}

/** For who calls without a bus in hand: nobody would wait there for one that fits. Throws ARGUMENT_INVALID. */
export function needWithoutWait(target: Target): Need | undefined {
  const need = needOf(target);
  if (need?.wait === undefined) return need;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `${JSON.stringify(target)} has a wait, and here nobody waits for one that fits: leave it out, or let the task itself wait with { offline: true }`,
  );
}

/** For who takes nothing but needs: a plain "agent.skill" is one, too. */
export function toNeed(given: string | Need): Need {
  if (typeof given !== "string") return parseNeed(given);
  return needIn(given) ?? needOfNames(namesOf(given));
}

const needOfNames = ({ agent, skill }: Names): Need => ({ agent, skill });

/** Throws ARGUMENT_INVALID for a text that names a need. */
export function namesOf(target: NamedTarget): Names {
  if (typeof target !== "string")
    return { agent: target.agent, skill: target.name };
  if (needIn(target))
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `"${target}" names what is needed and not who is to do it, and here only the latter will do: write "agent.skill"`,
    );
  return splitNames(target);
}

/** Whether its input can be checked without its card. */
export function isTyped(target: NamedTarget | Need): target is SkillTarget {
  return typeof target !== "string" && "input" in target;
}

/** Throws INPUT_INVALID, or returns a promise that does where a schema is asynchronous. What is not typed has no schema here. */
export function checkInput(
  target: NamedTarget,
  input: unknown,
): Promise<unknown> | undefined {
  if (!isTyped(target)) return undefined;
  const { agent, name } = target;
  const parsed: unknown = parseWith(
    target.input,
    input,
    "INPUT_INVALID",
    `the input of ${agent}.${name}`,
  );
  return parsed instanceof Promise ? parsed : undefined;
}
