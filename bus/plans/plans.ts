// Plans as users hold them: checked against the agents that there are, kept by name and version, run by an
// orchestrator.
import { checkPlan, parsePlan } from "../../protocol/plan/check.js";
import { checkParams, checkPlanInput } from "../../protocol/plan/given.js";
import type { PlanProblem } from "../../protocol/plan/outline.js";
import type {
  PlanAnswer,
  PlanQuestion,
} from "../../protocol/plan/questions.js";
import { orchestratorName, planSkillName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { Registry } from "../registry/registry.js";
import type { Publisher } from "../streams/publisher.js";
import type { SubmitOptions } from "../tasks/submit-options.js";
import type { TaskHandle } from "../tasks/task-handle.js";
import { Answers } from "./answers.js";
import { Templates, type KeptPlan, type PlanVersion } from "./templates.js";

interface PlansHost {
  link: Link;
  publisher: Publisher;
  registry: Registry;
  submit(
    target: string,
    input: unknown,
    options: SubmitOptions,
  ): Promise<TaskHandle>;
}

export interface RunPlanOptions extends SubmitOptions {
  /** Default {}. */
  input?: unknown;
  /** Those that are not given have their defaults. */
  params?: Readonly<Record<string, unknown>>;
}

export class Plans {
  readonly #host: PlansHost;
  readonly #templates: Templates;
  readonly #answers: Answers;

  constructor(host: PlansHost) {
    const { link, publisher } = host;
    this.#host = host;
    this.#templates = new Templates(link, publisher);
    this.#answers = new Answers(link, publisher, this.#templates);
  }

  /** All that is wrong with a plan, each with its path and what was expected; whom it calls must have been served here. */
  async check(plan: unknown): Promise<PlanProblem[]> {
    return checkPlan(plan, { cards: await this.#host.registry.agents() });
  }

  /**
   * Has an orchestrator run a plan, or the one that is kept as "name" or "name@3": of a name, the version that is the
   * newest now. Throws PLAN_INVALID, PLAN_UNKNOWN, INPUT_INVALID, and what `submit` throws.
   */
  async run(
    plan: unknown,
    { input = {}, params = {}, ...options }: RunPlanOptions = {},
  ): Promise<TaskHandle> {
    const kept = typeof plan === "string" ? await this.get(plan) : undefined;
    const cards = await this.#host.registry.agents();
    const checked = parsePlan(kept?.plan ?? plan, { cards });
    await checkPlanInput(checked.plan, input);
    await checkParams(checked.plan, params);
    const named = kept && `${kept.name}@${kept.version}`;
    const given = { plan: named ?? plan, input, params };
    return this.#host.submit(
      `${orchestratorName}.${planSkillName}`,
      given,
      options,
    );
  }

  /** What a plan that is run has asked of people and nobody has answered. Throws TASK_UNKNOWN. */
  questions(taskId: string): Promise<PlanQuestion[]> {
    return this.#answers.open(taskId);
  }

  /**
   * Answers an `approve` step of a plan that is run; in the third round of a map the step is called "name[2]". Kept
   * until the step is reached. Sent twice with one id it counts once: false says that it had been sent. Throws
   * ARGUMENT_INVALID for what the plan does not ask, or has an answer to; TASK_UNKNOWN, TASK_ENDED, INPUT_INVALID.
   */
  answer(
    taskId: string,
    step: string,
    answer: PlanAnswer,
    options: { id?: string } = {},
  ): Promise<boolean> {
    return this.#answers.send(taskId, step, answer, options);
  }

  /** Keeps a plan under a name, as its newest version. Throws PLAN_INVALID. */
  put(name: string, plan: unknown): Promise<PlanVersion> {
    return this.#templates.put(name, plan);
  }

  /** "name" is the newest version, "name@3" that one. Throws PLAN_UNKNOWN. */
  get(name: string): Promise<KeptPlan> {
    return this.#templates.get(name);
  }

  /** The newest version of each plan that is kept, by name. */
  list(): Promise<PlanVersion[]> {
    return this.#templates.list();
  }

  /** All versions of a plan, oldest first. Throws PLAN_UNKNOWN. */
  history(name: string): Promise<PlanVersion[]> {
    return this.#templates.history(name);
  }

  /** All versions of "name", or "name@3" alone; their numbers are not used again. Throws PLAN_UNKNOWN. */
  delete(name: string): Promise<PlanVersion[]> {
    return this.#templates.delete(name);
  }
}
