// A skill: one kind of work that an agent does.
import type { z } from "zod";
import type { RetryPolicy } from "../bus/delivery/retry.js";
import type { Duration } from "../protocol/duration.js";
import { limitRules, type LimitOptions } from "./limits/options.js";
import type { TaskContext } from "./task-context.js";

export interface SkillOptions<
  Input extends z.ZodType,
  Output extends z.ZodType,
> extends LimitOptions<z.output<Input>> {
  description: string;
  input: Input;
  /** Without it, whatever the handler returns is the result. */
  output?: Output;
  retry?: RetryPolicy;
  /** How long one attempt may take. Default 5m. */
  timeout?: Duration;
  tags?: readonly string[];
  examples?: readonly string[];
  run(
    input: z.output<Input>,
    task: TaskContext,
  ): z.input<Output> | Promise<z.input<Output>>;
}

/** A skill before it belongs to an agent. */
export type SkillDefinition<
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> = SkillOptions<Input, Output>;

// Any skill: its run() takes what its own schema gives, so nothing narrower fits all of them.
// eslint-disable-next-line typescript/no-explicit-any
export type AnySkill = SkillDefinition<any, any>;

/** A skill that has no output schema: its result is what its handler returns. */
type UncheckedOptions<Input extends z.ZodType, Result> = Omit<
  SkillOptions<Input, z.ZodType>,
  "output" | "run"
> & {
  output?: undefined;
  run(input: z.output<Input>, task: TaskContext): Result | Promise<Result>;
};

/** Declares a skill; the types of its input and output follow from its schemas, or from its handler. */
// In this order: what does not fit is told of the last, and most skills have an output schema.
export function skill<Input extends z.ZodType, Result>(
  options: UncheckedOptions<Input, Result>,
): SkillDefinition<Input, z.ZodType<Result, Result>>;
export function skill<Input extends z.ZodType, Output extends z.ZodType>(
  options: SkillOptions<Input, Output> & { output: Output },
): SkillDefinition<Input, Output>;
export function skill(options: object): unknown {
  limitRules(options); // a limit that is none is refused where it is written
  return options;
}
