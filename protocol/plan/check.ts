// Checking a plan before it runs, for the planners (people and models) who are to mend it: all that is wrong, each
// with its path and what was expected.
//
// 1. Nothing here costs more than a small multiple of the plan's size, nor stack for its depth.
// 2. A plan that passes can only fail by what is known no sooner than it runs.
import type { AgentCard } from "../card.js";
import { TroupeError } from "../errors.js";
import { checkBudgets } from "./budgets.js";
import { checkCycles } from "./cycles.js";
import { jsonProblem } from "./json.js";
import { checkLiterals } from "./literals.js";
import {
  isObject,
  outlineOf,
  readShapes,
  type Outline,
  type PlanProblem,
} from "./outline.js";
import { mostSteps, type Plan } from "./plan.js";
import { checkReferences } from "./references.js";
import { checkSignals } from "./signals.js";
import { checkSkills } from "./skills.js";

export interface CheckOptions {
  /** The cards of the agents that there are; without them, whom a plan calls is not looked for. */
  cards?: readonly AgentCard[] | undefined;
}

/** A plan of which nothing is known to be wrong, and its steps as a tree. */
export interface CheckedPlan extends Outline {
  plan: Plan;
}

const mostProblems = 50;
const mostShown = 10;

/** All that is wrong with it, the first fifty; empty for a plan that can be run. */
export function checkPlan(
  plan: unknown,
  options: CheckOptions = {},
): PlanProblem[] {
  return read(plan, options).problems;
}

/** Throws PLAN_INVALID, with all that is wrong. */
export function parsePlan(
  plan: unknown,
  options: CheckOptions = {},
): CheckedPlan {
  const { outline, problems } = read(plan, options);
  if (problems.length === 0 && outline?.plan) return outline as CheckedPlan;
  const shown = problems
    .slice(0, mostShown)
    .map(({ path, message }) =>
      path === "" ? message : `${path}: ${message}`,
    );
  if (problems.length > mostShown)
    shown.push(`and ${problems.length - mostShown} more`);
  throw new TroupeError(
    "PLAN_INVALID",
    `the plan cannot be run: ${shown.join("; ")}`,
    { data: { problems } },
  );
}

/**
 * A plan that was checked before, maybe by an earlier version that knew less of what can be wrong: it is taken as far
 * as it can be run. Throws PLAN_INVALID.
 */
export function readPlan(plan: unknown): CheckedPlan {
  // All of it, for the check also fills in what steps need of each other.
  const { outline } = isObject(plan) ? read(plan, {}, Infinity) : {};
  const isWhole = outline?.nodes.every(({ step }) => step !== undefined);
  return outline?.plan && isWhole === true
    ? (outline as CheckedPlan)
    : parsePlan(plan);
}

function read(
  plan: unknown,
  options: CheckOptions,
  most = mostProblems,
): { outline?: Outline; problems: PlanProblem[] } {
  const unfit = jsonProblem(plan);
  if (unfit) return { problems: [unfit] };
  if (!isObject(plan))
    return { problems: [{ path: "", message: "expected a plan: an object" }] };
  const outline = outlineOf(plan);
  const { length } = outline.nodes;
  if (length > mostSteps)
    return { problems: [{ path: "steps", message: tooMany(length) }] };
  const problems: PlanProblem[] = [];
  for (const problem of problemsOf(outline, plan, options)) {
    problems.push(problem);
    if (problems.length === most) break;
  }
  return { outline, problems };
}

function* problemsOf(
  outline: Outline,
  plan: Record<string, unknown>,
  { cards }: CheckOptions,
): Generator<PlanProblem> {
  yield* readShapes(outline, plan);
  yield* checkReferences(outline, plan);
  yield* checkCycles(outline);
  yield* checkSkills(outline, cards);
  yield* checkSignals(outline);
  yield* checkLiterals(outline, plan);
  yield* checkBudgets(outline, plan);
}

const tooMany = (count: number): string =>
  `has ${count} steps; expected at most ${mostSteps}: let a map do what is done often, or call plans from a plan`;
