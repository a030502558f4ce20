// The skill `plan.run`: runs a plan that it is given, or that is kept by name.
import { z } from "zod";
import { Templates } from "../../bus/plans/templates.js";
import { refuse } from "../../protocol/errors.js";
import { parsePlan, readPlan } from "../../protocol/plan/check.js";
import { orchestratorName, planSkillName } from "../../protocol/subjects.js";
import { checkParams, checkPlanInput } from "../../protocol/plan/given.js";
import type { View } from "../queries/view.js";
import { runPlan } from "./plan-run.js";
import type { PlanTask } from "./plan-task.js";

const planInput = z.strictObject({
  plan: z
    .union([z.string().min(1), z.looseObject({})], {
      error: 'expected a plan, or the name of one: "article" or "article@3"',
    })
    .describe('a plan, or the name of one that is kept, such as "article@3"'),
  input: z.unknown().optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  depth: z
    .int()
    .min(0)
    .optional()
    .describe("of no meaning any more: plans of earlier versions say it"),
});

type PlanInput = z.infer<typeof planInput>;

export type PlanHost = Pick<View, "link" | "publisher" | "registry">;

export const planSkill = (host: PlanHost) => ({
  agent: orchestratorName,
  name: planSkillName,
  description: "Runs a plan: work as data",
  input: planInput,
  // What fails has failed on the plan's journal, and another attempt would read the same there. A plan that lives
  // for months sees many orchestrators die, and is not what kills them.
  retry: { attempts: 3, crashes: 1_000 },
  timeout: "5m" as const,
  run: (given: PlanInput, task: PlanTask) => run(host, given, task),
});

async function run(
  host: PlanHost,
  given: PlanInput,
  task: PlanTask,
): Promise<unknown> {
  if (!task.durable)
    throw refuse(
      "a plan is run by a task that is stored: submit one, by bus.plans.run or npx troupe plan run",
    );
  const { input = {} } = given;
  // A step: which version is the newest, and which agents there are, may be otherwise when it is run again.
  const { plan, params } = await task.step("plan", () => prepare(host, given));
  const checked = readPlan(plan ?? given.plan);
  return runPlan(task, checked, { input, params });
}

/** The plan, where it was only named, and its parameters. Throws PLAN_UNKNOWN, PLAN_INVALID, INPUT_INVALID. */
async function prepare(
  host: PlanHost,
  { plan, input = {}, params = {} }: PlanInput,
) {
  const named =
    typeof plan === "string"
      ? await new Templates(host.link, host.publisher).get(plan)
      : undefined;
  const cards = await host.registry.agents();
  const checked = parsePlan(named?.plan ?? plan, { cards });
  await checkPlanInput(checked.plan, input);
  const values = await checkParams(checked.plan, params);
  return {
    params: values,
    ...(named ? { plan: named.plan, version: named.version } : {}),
  };
}
