// Whom a caller means: a typed skill of an agent it imports, or "agent.skill" in words.
import type { z } from "zod";
import { TroupeError } from "../protocol/errors.js";
import { parseWith } from "../protocol/schema.js";

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

export type Target = string | SkillTarget;

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

/** Throws ARGUMENT_INVALID for a text without a dot. */
export function namesOf(target: Target): Names {
  if (typeof target !== "string")
    return { agent: target.agent, skill: target.name };
  const dot = target.lastIndexOf(".");
  if (dot <= 0 || dot === target.length - 1) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `"${target}" names no skill: write "agent.skill", such as "writer.headline"`,
    );
  }
  return { agent: target.slice(0, dot), skill: target.slice(dot + 1) };
}

/** Throws INPUT_INVALID, or returns a promise that does where a schema is asynchronous. A skill in words has no schema here. */
export function checkInput(
  target: Target,
  input: unknown,
): Promise<unknown> | undefined {
  if (typeof target === "string") return undefined;
  const { agent, name } = target;
  const parsed: unknown = parseWith(
    target.input,
    input,
    "INPUT_INVALID",
    `the input of ${agent}.${name}`,
  );
  return parsed instanceof Promise ? parsed : undefined;
}
