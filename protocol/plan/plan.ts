// A plan: work as data, for planners and people. Its steps run one after another; those of a `parallel` at once,
// but for what they refer to or name in `after` (ADR 0028). The result of a list of steps is that of its last.
import { z } from "zod";
import { budget, step, stepName, unread } from "./step.js";

const jsonSchema = z.record(z.string(), z.unknown());

const parameter = z.strictObject({
  description: z.string().optional(),
  schema: jsonSchema.optional(),
  default: z
    .unknown()
    .optional()
    .describe("without one, the parameter must be given"),
});

export const planSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).optional(),
    description: z.string().optional(),
    params: z.record(stepName, parameter).optional(),
    input: jsonSchema.optional().describe("JSON Schema of the plan's input"),
    budget: budget.optional(),
    steps: z.array(step).min(1),
    output: z
      .unknown()
      .optional()
      .describe("by default the result of the last step"),
  })
  .meta({ title: "Troupe plan" });

export type Plan = z.infer<typeof planSchema>;

/** A plan without what its steps are, which are checked one by one. Those that are under way may have an empty name. */
export const planHead = planSchema.extend({
  name: z.string().optional(),
  steps: unread,
});

export const mostSteps = 1_000;

/** For editors and planners. */
export function planJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(planSchema, { io: "input" });
}
