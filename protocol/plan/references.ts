// Whether every reference of a plan leads to something that is there when it is needed.
//
// 1. In a list of steps a reference may lead to an earlier step, of this list or of one around it. In a parallel it
//    may lead to any other branch that does not wait for this one in turn; the step then waits for that branch.
// 2. What stands in the body of a map is seen in that body alone: outside it is many.
// 3. Steps are read as they are written, so that what is wrong with their shapes and with their references is told in
//    one go; but of what may only follow from a wrong shape nothing is told.
import { nearest } from "../nearest.js";
import { pathTo } from "../schema.js";
import { referencesIn, type Reference } from "./expression.js";
import { foundIn, type Found } from "./found-references.js";
import { inputFields, inputProblem, type InputFields } from "./input-fields.js";
import { mapBetween, meetingOf } from "./meeting.js";
import {
  fieldsOf,
  isObject,
  type Block,
  type Outline,
  type PlanProblem,
  type StepNode,
} from "./outline.js";
import { stepName } from "./step.js";
import { unreadNames } from "./unread.js";

const reserved = ["input", "param", "steps", "plan", "index"];

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
  const names = {
    named,
    all: [...named.keys()],
    params: paramsOf(plan["params"]),
    input: inputFields(plan["input"]),
    unread: unreadNames(outline, plan),
  };
  for (const node of outline.nodes) {
    yield* checkItemName(node);
    yield* checkAfter(node, names);
    yield* checkFound(foundIn(node), node.path, node, names);
  }
  const found = referencesIn(plan["output"]);
  yield* checkFound(found, "output", outline.root, names);
}

interface Names {
  named: Map<string, StepNode>;
  all: readonly string[];
  /** Undefined where what declares them cannot be read. */
  params: readonly string[] | undefined;
  input: InputFields;
  /** Those of steps that may be there, too; undefined where they may have any. */
  unread: ReadonlySet<string> | undefined;
}

/** Whether it may be that of a step which only what is wrong with the plan's shape keeps from being seen. */
const maybeNamed = ({ unread }: Names, name: string): boolean =>
  unread === undefined || unread.has(name);

function paramsOf(params: unknown): string[] | undefined {
  if (params === undefined) return [];
  return isObject(params) ? Object.keys(params) : undefined;
}

function* checkFound(
  all: Iterable<Found>,
  base: string,
  from: StepNode | Block,
  names: Names,
): Generator<PlanProblem> {
  for (const { at, reference, problem, isUndo = false } of all) {
    const message = problem ?? problemOf(reference!, from, names, isUndo);
    if (message !== undefined) yield { path: pathTo(base, at), message };
  }
}

function* checkItemName(node: StepNode): Generator<PlanProblem> {
  const { as } = fieldsOf(node);
  if (node.kind !== "map" || !reserved.includes(as as string)) return;
  yield {
    path: `${node.path}.as`,
    message: `"${String(as)}" has a meaning already; expected another name for an item`,
  };
}

function* checkAfter(node: StepNode, names: Names): Generator<PlanProblem> {
  const { block, path } = node;
  const { after } = fieldsOf(node);
  if (!Array.isArray(after) || after.length === 0) return;
  if (block.order === "sequence")
    return yield {
      path: `${path}.after`,
      message:
        "belongs into a parallel; in a list, each step runs after the one before it",
    };
  for (const [place, name] of after.entries()) {
    if (!stepName.safeParse(name).success) continue; // that has been said
    const other = names.named.get(name as string);
    if (other?.block === block) node.needs.add(other);
    else if (other || !maybeNamed(names, name as string))
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
      return inputProblem(path, names.input);
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
    if (node.kind === "map") {
      const { as } = fieldsOf(node);
      items.push(typeof as === "string" ? as : "item");
    }
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
  params: readonly string[] | undefined,
): string | undefined {
  if (!params || params.includes(name)) return undefined;
  return `unknown parameter "${name}"${near(name, params) ?? "; expected one that params declares"}`;
}

function stepProblem(
  name: string,
  from: StepNode | Block,
  names: Names,
  isUndo: boolean,
): string | undefined {
  const to = names.named.get(name);
  if (to === undefined && maybeNamed(names, name)) return undefined;
  if (to === undefined)
    return `unknown step "${name}"${near(name, names.all) ?? "; expected the name of an earlier step"}`;
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
