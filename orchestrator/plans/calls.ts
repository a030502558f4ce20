// Calls of a plan: each attempt is a task of its own, within the budgets around it.
//
// When the plan is over no attempt begins any more, and those under way are waited for: of whatever has been done it is
// known then that it is to be undone. Plans in which one had begun after their end go on as they did.
import {
  backoffMs,
  retryRules,
  type RetryPolicy,
} from "../../bus/delivery/retry.js";
import type { Target } from "../../bus/tasks/target.js";
import type { Duration } from "../../protocol/duration.js";
import type { ErrorCode, TroupeError } from "../../protocol/errors.js";
import { inWords, resolve } from "../../protocol/plan/expression.js";
import type { CallStep } from "../../protocol/plan/step.js";
import type { PlanCallOptions, PlanTask } from "./plan-task.js";
import type { Scope } from "./scope.js";

const endsCalls = "no call is made again when the plan is over";
const noSuchPlan = "a plan that is invalid is not called again";

type Calling = Pick<CallStep, "timeout" | "retry" | "priority">;

/** Trying again does not mend these. */
const hopeless: readonly ErrorCode[] = [
  "ARGUMENT_INVALID",
  "INPUT_INVALID",
  "SKILL_UNKNOWN",
  "PAYLOAD_TOO_LARGE",
  "PERMISSION_DENIED",
  "TASK_CANCELED",
  "TASK_REJECTED",
];

export class PlanCalls {
  readonly #task: PlanTask;
  readonly #underWay = new Set<Promise<unknown>>();
  #over = false;

  constructor(task: PlanTask) {
    this.#task = task;
  }

  /** The plan is: nothing of it begins any more. */
  get isOver(): boolean {
    return this.#over;
  }

  end(): void {
    this.#over = true;
  }

  /** Resolves when all calls that are under way have ended, whichever way. When the plan is over none follows. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  call(step: CallStep, scope: Scope): Promise<unknown> {
    const { roots, round } = scope;
    const { call, input = {}, key, context, undo } = step;
    const place = step.name + round;
    const options: PlanCallOptions = { name: place };
    if (key !== undefined) options.key = inWords(resolve(key, roots));
    if (context !== undefined)
      options.context = inWords(resolve(context, roots));
    if (undo)
      options.undoBy = (result) => {
        const steps = { ...roots.steps, [step.name]: result ?? null };
        return {
          id: `${this.#task.id}~undo~${place}`,
          target: undo.call,
          input: resolve(undo.input ?? {}, { ...roots, steps }),
        };
      };
    return this.attempts(call, resolve(input, roots), step, options, scope);
  }

  /** The output of the first attempt that succeeds. */
  async attempts(
    target: Target,
    input: unknown,
    { timeout, retry, priority }: Calling,
    options: PlanCallOptions,
    { spending }: Scope,
  ): Promise<unknown> {
    const rules = retryRules({ attempts: 1, ...retry } as RetryPolicy);
    if (priority !== undefined) options.priority = priority;
    if (timeout !== undefined) options.deadline = timeout as Duration;
    let last: unknown;
    for (let attempt = 1; ; attempt++) {
      spending.spend(last);
      try {
        return await this.#tracked(this.#task.call(target, input, options));
      } catch (error) {
        last = error;
        const { code } = error as Partial<TroupeError>;
        if (attempt >= rules.attempts || !code || this.#isHopeless(code))
          throw error;
        if (this.#isTooLate) throw error;
        await this.#task.sleep(backoffMs(rules, attempt));
        if (options.signal?.aborted || this.#isTooLate) throw error;
      }
    }
  }

  get #isTooLate(): boolean {
    return this.#over && this.#task.patched(endsCalls);
  }

  /** Plans that call each other too deep would else each be tried again, within one another. */
  #isHopeless(code: ErrorCode): boolean {
    if (code === "PLAN_INVALID") return this.#task.patched(noSuchPlan);
    return hopeless.includes(code);
  }

  async #tracked(call: Promise<unknown>): Promise<unknown> {
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }
}
