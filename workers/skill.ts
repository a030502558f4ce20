// A skill: one kind of work that an agent does.
import type { z } from "zod";
import type { RetryPolicy } from "../bus/delivery/retry.js";
import type { Duration } from "../protocol/duration.js";
import type { TaskContext } from "./task-context.js";

export interface SkillOptions<
  Input extends z.ZodType,
  Output extends z.ZodType,
> {
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

/** Declares a skill; the types of its input and output follow from the schemas. */
export function skill<
  Input extends z.ZodType,
  Output extends z.ZodType = z.ZodType<unknown>,
>(options: SkillOptions<Input, Output>): SkillDefinition<Input, Output> {
  return options;
}
