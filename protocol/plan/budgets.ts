// Budgets that contradict each other, or what is to be done within them: told before the plan runs, where it can
// be known.
import { formatMs, toMs, type Duration } from "../duration.js";
import type { Outline, PlanProblem, StepNode } from "./outline.js";
import type { Budget, Step } from "./step.js";

interface Limits {
  ms: number;
  calls: number;
}

/** What a step takes at least. */
type Least = Limits;

const nothing: Least = { ms: 0, calls: 0 };

const limitsOf = (budget: Budget | undefined): Limits => ({
  ms: budget?.time === undefined ? Infinity : toMs(budget.time as Duration),
  calls: budget?.attempts ?? Infinity,
});

export function* checkBudgets(outline: Outline): Generator<PlanProblem> {
  const within = new Map<StepNode | undefined, Limits>();
  const whole = limitsOf(outline.plan?.budget);
  within.set(undefined, whole);
  // Those around come before those inside.
  for (const node of outline.nodes) {
    const around = within.get(node.block.of)!;
    const own = limitsOf(node.step?.budget);
    within.set(node, {
      ms: Math.min(own.ms, around.ms),
      calls: Math.min(own.calls, around.calls),
    });
    yield* checkOwn(node.path, own, around);
    if (node.step) yield* checkParts(node.step, node.path, within.get(node)!);
  }
  const least = leastOf(outline);
  for (const node of outline.nodes)
    yield* checkLeast(node.path, limitsOf(node.step?.budget), least.get(node)!);
  yield* checkLeast("", whole, sumOf(outline.root.nodes, least));
}

function* checkOwn(
  path: string,
  own: Limits,
  around: Limits,
): Generator<PlanProblem> {
  if (own.ms !== Infinity && own.ms > around.ms)
    yield {
      path: `${path}.budget.time`,
      message: `is ${formatMs(own.ms)}, more than the ${formatMs(around.ms)} around it; expected no more`,
    };
  if (own.calls !== Infinity && own.calls > around.calls)
    yield {
      path: `${path}.budget.attempts`,
      message: `is ${own.calls}, more than the ${around.calls} around it; expected no more`,
    };
}

function* checkParts(
  step: Step,
  path: string,
  limits: Limits,
): Generator<PlanProblem> {
  const attempts = "retry" in step ? step.retry?.attempts : undefined;
  if (attempts !== undefined && attempts > limits.calls)
    yield {
      path: `${path}.retry.attempts`,
      message: `is ${attempts}, more than the budget of ${limits.calls}; expected no more`,
    };
  const timeout = "timeout" in step ? step.timeout : undefined;
  if (timeout !== undefined && toMs(timeout as Duration) > limits.ms)
    yield {
      path: `${path}.timeout`,
      message: `is ${formatMs(toMs(timeout as Duration))}, more than the budget of ${formatMs(limits.ms)}; expected no more`,
    };
}

function* checkLeast(
  path: string,
  budget: Limits,
  { ms, calls }: Least,
): Generator<PlanProblem> {
  const base = path === "" ? "budget" : `${path}.budget`;
  if (calls > budget.calls)
    yield {
      path: `${base}.attempts`,
      message: `is ${budget.calls}, and at least ${calls} calls are made; expected ${calls} or more`,
    };
  if (ms > budget.ms)
    yield {
      path: `${base}.time`,
      message: `is ${formatMs(budget.ms)}, and at least ${formatMs(ms)} are waited; expected ${formatMs(ms)} or more`,
    };
}

function leastOf({ nodes }: Outline): Map<StepNode, Least> {
  const least = new Map<StepNode, Least>();
  // Those inside come after those around.
  for (const node of nodes.toReversed())
    least.set(node, leastOfStep(node, least));
  return least;
}

function leastOfStep(
  { step, kind, blocks }: StepNode,
  least: Map<StepNode, Least>,
): Least {
  if (step === undefined) return nothing;
  const sums = blocks.map(({ nodes }) => sumOf(nodes, least));
  switch (kind) {
    case "call":
      return { ms: 0, calls: 1 };
    case "vote":
      return { ms: 0, calls: (step as { vote: unknown[] }).vote.length };
    case "wait":
      return { ms: waitedMs(step), calls: 0 };
    case "steps":
      return sums[0] ?? nothing;
    case "parallel":
      return {
        calls: sums[0]?.calls ?? 0,
        ms: Math.max(
          0,
          ...(blocks[0]?.nodes ?? []).map((n) => least.get(n)!.ms),
        ),
      };
    case "when": {
      const [body = nothing, other = nothing] = sums;
      return {
        ms: Math.min(body.ms, other.ms),
        calls: Math.min(body.calls, other.calls),
      };
    }
    default:
      return nothing; // a map may have nothing to do
  }
}

function waitedMs(step: Step): number {
  const wait = "wait" in step ? step.wait : undefined;
  return typeof wait === "string" || typeof wait === "number"
    ? toMs(wait as Duration)
    : 0;
}

function sumOf(nodes: readonly StepNode[], least: Map<StepNode, Least>): Least {
  let [ms, calls] = [0, 0];
  for (const node of nodes) {
    ms += least.get(node)!.ms;
    calls += least.get(node)!.calls;
  }
  return { ms, calls };
}
