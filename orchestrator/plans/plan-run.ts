// One run of a plan, by the durable operations of its task.
//
// 1. All that it does is an operation, begun in an order that follows from the plan and from what came of earlier
//    operations. So it may be killed at any point, and goes on there, in whichever process. Plans may be under way for
//    months: who changes the order of operations keeps the old one for them, by `task.patched`.
// 2. When a step has failed no other begins. The calls under way are waited for: only of what has ended is it known
//    whether it is to be undone. Only when its time is up they are canceled.
import type { Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import type { CheckedPlan } from "../../protocol/plan/check.js";
import { holds } from "../../protocol/plan/condition.js";
import { inOrder } from "../../protocol/plan/cycles.js";
import { resolve } from "../../protocol/plan/expression.js";
import type { Block, StepNode } from "../../protocol/plan/outline.js";
import type { Budget, MapStep, Step } from "../../protocol/plan/step.js";
import { PlanCalls } from "./calls.js";
import { isOutOfTime, named, outOfTime } from "./failures.js";
import type { PlanTask } from "./plan-task.js";
import { PlanProgress } from "./progress.js";
import { roundOf, type Scope } from "./scope.js";
import { Spending } from "./spending.js";
import { vote } from "./vote.js";
import { approval, waiting } from "./waits.js";

export interface Given {
  input: unknown;
  params: Readonly<Record<string, unknown>>;
}

const never = new Promise<never>(() => undefined);
const defaultConcurrency = 10;

/** The result of the plan. Throws what a step failed with, and its name. */
export async function runPlan(
  task: PlanTask,
  { plan, root }: CheckedPlan,
  { input, params }: Given,
): Promise<unknown> {
  const steps = {};
  const roots = { input, param: params, plan: { id: task.id }, steps };
  const spending = new Spending("the plan", undefined);
  const scope: Scope = { roots, round: "", spending };
  const progress = new PlanProgress(task, root);
  const run = new PlanRun(task, new PlanCalls(task), progress);
  try {
    const last = await run.within(plan.budget, "the plan", scope, (inner) =>
      run.block(root, inner),
    );
    return plan.output === undefined ? last : resolve(plan.output, roots);
  } catch (error) {
    await run.end(error);
    throw error;
  }
}

class PlanRun {
  readonly #task: PlanTask;
  readonly #calls: PlanCalls;
  readonly #progress: PlanProgress;

  constructor(task: PlanTask, calls: PlanCalls, progress: PlanProgress) {
    this.#task = task;
    this.#calls = calls;
    this.#progress = progress;
  }

  async end(error: unknown): Promise<void> {
    this.#calls.end();
    if (!isOutOfTime(error)) await this.#calls.settled();
  }

  async block(block: Block, scope: Scope): Promise<unknown> {
    if (block.order === "parallel") return this.#atOnce(block, scope);
    let last: unknown = null;
    for (const node of block.nodes) last = await this.#step(node, scope);
    return last;
  }

  async #atOnce({ nodes }: Block, scope: Scope): Promise<unknown> {
    const begun = new Map<StepNode, Promise<unknown>>();
    for (const node of inOrder(nodes)) {
      const needed = [...node.needs].map((each) => begun.get(each)!);
      begun.set(
        node,
        Promise.all(needed).then(() => this.#step(node, scope)),
      );
    }
    await Promise.all(begun.values());
    const { steps } = scope.roots;
    return Object.fromEntries(nodes.map(({ name }) => [name!, steps[name!]]));
  }

  async #step(node: StepNode, scope: Scope): Promise<unknown> {
    if (this.#calls.isOver) return never;
    const step = node.step!;
    const place = step.name + scope.round;
    try {
      const what = `step "${place}"`;
      const result = await this.within(step.budget, what, scope, (inner) =>
        this.#perform(node, step, inner),
      );
      scope.roots.steps[step.name] = result ?? null;
      this.#progress.done(scope);
      this.#progress.tell(place, { step: place, state: "done" });
      return result ?? null;
    } catch (error) {
      this.#calls.end();
      throw named(error, place);
    }
  }

  async #perform(node: StepNode, step: Step, scope: Scope): Promise<unknown> {
    if ("call" in step) return this.#calls.call(step, scope);
    if ("vote" in step) return vote(this.#task, this.#calls, step, scope);
    if ("approve" in step)
      return approval(this.#task, step, scope, this.#progress);
    if ("wait" in step) return waiting(this.#task, step, scope);
    if ("value" in step) return resolve(step.value, scope.roots);
    if ("map" in step) return this.#map(node, step, scope);
    const [body, other] = node.blocks;
    if (!("when" in step)) return this.block(body!, scope);
    const isSo = holds(step.when, scope.roots);
    this.#progress.passOver(isSo ? other : body, scope);
    const taken = isSo ? body : other;
    return taken ? this.block(taken, scope) : null;
  }

  async #map(node: StepNode, step: MapStep, scope: Scope): Promise<unknown> {
    const items = resolve(step.map, scope.roots);
    if (!Array.isArray(items))
      throw new TroupeError(
        "PLAN_FAILED",
        `a map takes a list, and got ${JSON.stringify(items)}`,
      );
    const { as = "item", concurrency = defaultConcurrency } = step;
    return this.#task.map(
      items,
      (item, index) =>
        this.block(node.blocks[0]!, roundOf(scope, as, item, index)),
      { concurrency },
    );
  }

  /** Throws BUDGET_EXCEEDED when it takes too long; what it does then is up to who ends the plan. */
  async within(
    budget: Budget | undefined,
    what: string,
    scope: Scope,
    work: (scope: Scope) => Promise<unknown>,
  ): Promise<unknown> {
    if (budget === undefined) return work(scope);
    const spending = new Spending(what, budget.attempts, scope.spending);
    const { time } = budget;
    if (time === undefined) return work({ ...scope, spending });
    const late = this.#task.sleep(time as Duration).then(() => {
      throw outOfTime(what, time);
    });
    return Promise.race([work({ ...scope, spending }), late]);
  }
}
