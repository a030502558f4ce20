// Whether every reference of a plan leads to something that is there when it is needed.
//
// 1. In a list of steps a reference may lead to an earlier step, of this list or of one around it. In a parallel it
//    may lead to any other branch that does not wait for this one in turn; the step then waits for that branch.
// 2. What stands in the body of a map is seen in that body alone: outside it is many.
import { nearest } from "../nearest.js";
import { readCondition } from "./condition.js";
import {
  referencesIn,
  type FoundReference,
  type Place,
  type Reference,
} from "./expression.js";
import {
  pathTo,
  type Block,
  type Outline,
  type PlanProblem,
  type StepNode,
} from "./outline.js";
import type { Step } from "./step.js";

const reserved = ["input", "param", "steps", "plan", "index"];

/** In an undo, a step may refer to its own result. */
type Found = FoundReference & { isUndo?: boolean };

/** Tells of wrong names and references, and fills in which branches of a parallel need which. */
export function* checkReferences(
  outline: Outline,
  plan: Record<string, unknown>,
): Generator<PlanProblem> {
  const named = new Map<string, StepNode>();
  for (const node of outline.nodes) {
    if (node.name === undefined) continue;
    const first = named.get(node.name);
    if (first === undefined) named.set(node.name, node);
    else
      yield {
        path: `${node.path}.name`,
        message: `name "${node.name}" is taken by ${first.path}; expected one of its own`,
      };
  }
  const params = Object.keys(Object(plan["params"]) as object);
  const names = { named, params, all: [...named.keys()] };
  for (const node of outline.nodes) {
    if (node.step === undefined) continue;
    yield* checkItemName(node);
    yield* checkAfter(node, named);
    for (const found of foundIn(node.step)) {
      const path = pathTo(node.path, found.at);
      if (found.problem !== undefined) yield { path, message: found.problem };
      else
        yield* told(
          path,
          problemOf(found.reference!, node, names, found.isUndo === true),
        );
    }
  }
  for (const found of referencesIn(plan["output"])) {
    const path = pathTo("output", found.at);
    if (found.problem !== undefined) yield { path, message: found.problem };
    else
      yield* told(
        path,
        problemOf(found.reference!, outline.root, names, false),
      );
  }
}

interface Names {
  named: Map<string, StepNode>;
  params: readonly string[];
  all: readonly string[];
}

function* told(
  path: string,
  message: string | undefined,
): Generator<PlanProblem> {
  if (message !== undefined) yield { path, message };
}

function* foundIn(step: Step): Generator<Found> {
  for (const { at, value } of valuesOf(step))
    for (const found of referencesIn(value))
      yield { ...found, at: [...at, ...found.at], isUndo: at[0] === "undo" };
  if ("when" in step) yield* readCondition(step.when, ["when"]);
}

/** The fields of a step in which references may stand. */
function valuesOf(step: Step): { at: Place; value: unknown }[] {
  const values: { at: Place; value: unknown }[] = [];
  const fields = ["input", "key", "context", "map", "approve", "show", "value"];
  for (const field of fields)
    if (Object.hasOwn(step, field))
      values.push({
        at: [field],
        value: (step as Record<string, unknown>)[field],
      });
  if ("call" in step)
    values.push({ at: ["undo", "input"], value: step.undo?.input });
  if ("vote" in step)
    step.vote.forEach((voter, place) => {
      if (typeof voter !== "string")
        values.push({ at: ["vote", place, "input"], value: voter.input });
    });
  if ("wait" in step && typeof step.wait === "object")
    for (const field of ["for", "until"] as const)
      if (field in step.wait)
        values.push({
          at: ["wait", field],
          value: (step.wait as Record<string, unknown>)[field],
        });
  return values;
}

function* checkItemName({ step, path }: StepNode): Generator<PlanProblem> {
  if (!step || !("map" in step) || !reserved.includes(step.as ?? "item"))
    return;
  yield {
    path: `${path}.as`,
    message: `"${step.as}" has a meaning already; expected another name for an item`,
  };
}

function* checkAfter(
  node: StepNode,
  named: Map<string, StepNode>,
): Generator<PlanProblem> {
  const { step, block, path } = node;
  const after = step?.after ?? [];
  if (after.length > 0 && block.order === "sequence")
    return yield {
      path: `${path}.after`,
      message:
        "belongs into a parallel; in a list, each step runs after the one before it",
    };
  for (const [place, name] of after.entries()) {
    const other = named.get(name);
    if (other?.block === block) node.needs.add(other);
    else
      yield {
        path: `${path}.after[${place}]`,
        message: `expected the name of another step of ${block.path}, got "${name}"`,
      };
  }
}

function problemOf(
  reference: Reference,
  from: StepNode | Block,
  names: Names,
  isUndo: boolean,
): string | undefined {
  const { root, path, text } = reference;
  const around = "nodes" in from ? [] : mapsAround(from);
  switch (root) {
    case "input":
      return undefined;
    case "steps":
      return path[0] === undefined
        ? `"${text}" names no step; expected such as "steps.NAME"`
        : stepProblem(path[0], from, names, isUndo);
    case "param":
      return paramProblem(path[0] ?? "", names.params);
    case "plan":
      return text === "plan.id"
        ? undefined
        : `unknown "${text}"; there is "plan.id"`;
    case "index":
      return around.length > 0
        ? undefined
        : `"index" is known in the body of a map only`;
    default:
      return around.includes(root)
        ? undefined
        : unknownRoot(root, around, names.all);
  }
}

/** The names of the items of the maps in whose bodies it stands. */
function mapsAround(from: StepNode): string[] {
  const items: string[] = [];
  for (let node = from.block.of; node; node = node.block.of)
    if (node.kind === "map")
      items.push((node.step as { as?: string } | undefined)?.as ?? "item");
  return items;
}

function unknownRoot(
  root: string,
  items: readonly string[],
  steps: readonly string[],
): string {
  const roots = [
    "input",
    "steps",
    "param",
    "plan",
    ...(items.length > 0 ? ["index"] : []),
    ...items,
  ];
  const hint = steps.includes(root)
    ? `: did you mean "steps.${root}"?`
    : near(root, roots);
  return `unknown "${root}" in a reference${hint ?? `; expected one of ${roots.join(", ")}`}`;
}

function near(word: string, known: readonly string[]): string | undefined {
  const best = nearest(word, known);
  return best === undefined ? undefined : `: did you mean "${best}"?`;
}

function paramProblem(
  name: string,
  params: readonly string[],
): string | undefined {
  if (params.includes(name)) return undefined;
  return `unknown parameter "${name}"${near(name, params) ?? "; expected one that params declares"}`;
}

function stepProblem(
  name: string,
  from: StepNode | Block,
  { named, all }: Names,
  isUndo: boolean,
): string | undefined {
  const to = named.get(name);
  if (to === undefined)
    return `unknown step "${name}"${near(name, all) ?? "; expected the name of an earlier step"}`;
  if (to === from)
    return isUndo
      ? undefined
      : `step "${name}" refers to itself; expected an earlier step`;
  const way = meetingOf(from, to);
  if (way === "inside")
    return `step "${name}" is inside this one; expected a step that has ended before`;
  if (way === "around")
    return `step "${name}" is the one around this; expected a step that has ended before`;
  if (way === "apart")
    return `step "${name}" is in the other branch, and only one of them runs; expected an earlier step`;
  const map = mapBetween(to, way.block);
  if (map !== undefined)
    return `step "${name}" runs once for each item of "${map.name}"; expected "steps.${map.name}", the list of results`;
  if (way.from === undefined) return undefined;
  way.from.needs.add(way.to);
  if (way.block.order === "parallel" || way.to.place < way.from.place)
    return undefined;
  return `step "${name}" comes later; expected an earlier step`;
}

interface Meeting {
  /** The innermost list in which both stand. */
  block: Block;
  /** In that list, the step that is it or that it stands in; of the plan's output there is none. */
  from: StepNode | undefined;
  to: StepNode;
}

function meetingOf(
  from: StepNode | Block,
  to: StepNode,
): Meeting | "inside" | "around" | "apart" {
  const tos = new Map<Block, StepNode>();
  for (let node: StepNode | undefined = to; node; node = node.block.of)
    tos.set(node.block, node);
  if ("nodes" in from)
    return { block: from, from: undefined, to: tos.get(from)! };
  let node = from;
  while (!tos.has(node.block)) node = node.block.of!;
  const other = tos.get(node.block)!;
  if (other !== node) return { block: node.block, from: node, to: other };
  if (node === from) return "inside";
  return node === to ? "around" : "apart";
}

/** The outermost map, below the list, in whose body the step stands. */
function mapBetween(to: StepNode, below: Block): StepNode | undefined {
  let found: StepNode | undefined;
  for (let { block } = to; block !== below && block.of; { block } = block.of)
    if (block.of.kind === "map") found = block.of;
  return found;
}
