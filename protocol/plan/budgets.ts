// Budgets that contradict each other, or what is to be done within them: told before the plan runs, where it can
// be known.
import { formatMs, toMs, type Duration } from "../duration.js";
import {
  fieldsOf,
  isObject,
  type Outline,
  type PlanProblem,
  type StepNode,
} from "./outline.js";
import { duration } from "./step.js";

interface Limits {
  ms: number;
  calls: number;
}

/** What a step takes at least. */
type Least = Limits;

const nothing: Least = { ms: 0, calls: 0 };

/** Of what is written; what is none has been told of. */
const msOf = (time: unknown): number | undefined =>
  duration.safeParse(time).success ? toMs(time as Duration) : undefined;

const countOf = (value: unknown): number | undefined =>
  Number.isInteger(value) && (value as number) > 0
    ? (value as number)
    : undefined;

function limitsOf(fields: Record<string, unknown>): Limits {
  const budget = isObject(fields["budget"]) ? fields["budget"] : {};
  return {
    ms: msOf(budget["time"]) ?? Infinity,
    calls: countOf(budget["attempts"]) ?? Infinity,
  };
}

export function* checkBudgets(
  outline: Outline,
  plan: Record<string, unknown>,
): Generator<PlanProblem> {
  const within = new Map<StepNode | undefined, Limits>();
  const whole = limitsOf(plan);
  within.set(undefined, whole);
  // Those around come before those inside.
  for (const node of outline.nodes) {
    const around = within.get(node.block.of)!;
    const own = limitsOf(fieldsOf(node));
    within.set(node, {
      ms: Math.min(own.ms, around.ms),
      calls: Math.min(own.calls, around.calls),
    });
    yield* checkOwn(node.path, own, around);
    yield* checkParts(node, within.get(node)!);
  }
  const least = leastOf(outline);
  for (const node of outline.nodes)
    yield* checkLeast(node.path, limitsOf(fieldsOf(node)), least.get(node)!);
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

const timed = ["call", "vote", "approve", "wait"];

function* checkParts(node: StepNode, limits: Limits): Generator<PlanProblem> {
  const { path, kind = "" } = node;
  if (!timed.includes(kind)) return;
  const { retry, timeout } = fieldsOf(node);
  const attempts = isObject(retry) ? countOf(retry["attempts"]) : undefined;
  if (attempts !== undefined && attempts > limits.calls)
    yield {
      path: `${path}.retry.attempts`,
      message: `is ${attempts}, more than the budget of ${limits.calls}; expected no more`,
    };
  const timeoutMs = msOf(timeout);
  if (timeoutMs !== undefined && timeoutMs > limits.ms)
    yield {
      path: `${path}.timeout`,
      message: `is ${formatMs(timeoutMs)}, more than the budget of ${formatMs(limits.ms)}; expected no more`,
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

function leastOfStep(node: StepNode, least: Map<StepNode, Least>): Least {
  const { kind, blocks } = node;
  const { vote, wait } = fieldsOf(node);
  const sums = blocks.map(({ nodes }) => sumOf(nodes, least));
  switch (kind) {
    case "call":
      return { ms: 0, calls: 1 };
    case "vote":
      return { ms: 0, calls: Array.isArray(vote) ? vote.length : 0 };
    case "wait":
      return { ms: msOf(wait) ?? 0, calls: 0 };
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

function sumOf(nodes: readonly StepNode[], least: Map<StepNode, Least>): Least {
  let [ms, calls] = [0, 0];
  for (const node of nodes) {
    ms += least.get(node)!.ms;
    calls += least.get(node)!.calls;
  }
  return { ms, calls };
}
