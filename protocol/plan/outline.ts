// A plan as a tree of steps, each with where it stands: what is checked, drawn and run. Made without recursion,
// so that no plan, however deep or long, costs the stack.
import type { z } from "zod";
import { nearest } from "../nearest.js";
import { pathTo } from "../schema.js";
import { planHead, type Plan } from "./plan.js";
import { corrected, nameIn, nearKinds, typoIn, type Typo } from "./slips.js";
import {
  blockFields,
  innerFields,
  kindOf,
  kindsIn,
  kinds,
  shapes,
  type Kind,
  type Step,
} from "./step.js";

export interface PlanProblem {
  /** Such as `steps[2].call`; empty for the plan itself. */
  path: string;
  /** What was found, and what was expected. */
  message: string;
}

/** A list of steps. */
export interface Block {
  path: string;
  /** One after another, or at once. */
  order: "sequence" | "parallel";
  /** Whose it is; undefined for the plan's own. */
  of: StepNode | undefined;
  /** The field that holds it, such as "else". */
  field: string;
  nodes: StepNode[];
}

export interface StepNode {
  path: string;
  block: Block;
  /** Its place in the block. */
  place: number;
  /** As it is written, but for a slip in the field that says what it does. */
  raw: unknown;
  typo: Typo | undefined;
  /** Undefined where it has none. */
  name: string | undefined;
  kind: Kind | undefined;
  /** Undefined where it does not fit its shape. */
  step: Step | undefined;
  blocks: Block[];
  /** In a parallel: those of the same block that must have ended first. */
  needs: Set<StepNode>;
}

export interface Outline {
  /** Undefined where it does not fit its shape; its steps may still not. */
  plan: Plan | undefined;
  root: Block;
  /** All of them, in the order in which they are written. */
  nodes: StepNode[];
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Its fields as they are written, also where it does not fit its shape; none where it is no object. */
export const fieldsOf = ({ raw }: StepNode): Record<string, unknown> =>
  isObject(raw) ? raw : {};

/** In how many maps it stands. */
export function roundsAround({ block }: StepNode): number {
  let rounds = 0;
  for (let { of } = block; of; of = of.block.of)
    if (of.kind === "map") rounds++;
  return rounds;
}

/** The tree alone: nothing of it is checked. */
export function outlineOf(plan: Record<string, unknown>): Outline {
  const root = newBlock("steps", "sequence", undefined, "steps");
  const nodes: StepNode[] = [];
  const open: { block: Block; raw: unknown; place: number }[] = [];
  const push = (block: Block, list: unknown) => {
    if (!Array.isArray(list)) return;
    for (let place = list.length - 1; place >= 0; place--)
      open.push({ block, raw: list[place], place });
  };
  push(root, plan["steps"]);
  for (let next = open.pop(); next; next = open.pop()) {
    const node = newNode(next.block, next.raw, next.place);
    next.block.nodes.push(node);
    nodes.push(node);
    if (!isObject(node.raw) || node.kind === undefined) continue;
    const fields = blockFields[node.kind] ?? [];
    for (const field of fields.toReversed()) {
      const list = node.raw[field];
      if (!Array.isArray(list)) continue;
      const order = field === "parallel" ? "parallel" : "sequence";
      const block = newBlock(`${node.path}.${field}`, order, node, field);
      node.blocks.unshift(block);
      push(block, list);
    }
  }
  return { plan: undefined, root, nodes };
}

const newBlock = (
  path: string,
  order: Block["order"],
  of: StepNode | undefined,
  field: string,
): Block => ({ path, order, of, field, nodes: [] });

function newNode(block: Block, raw: unknown, place: number): StepNode {
  const typo = isObject(raw) ? typoIn(raw) : undefined;
  const read = typo ? corrected(raw as object, typo) : raw;
  const name = isObject(read) ? nameIn(read) : undefined;
  return {
    path: `${block.path}[${place}]`,
    block,
    place,
    raw: read,
    typo,
    name: typeof name === "string" ? name : undefined,
    kind: isObject(read) ? kindOf(read) : undefined,
    step: undefined,
    blocks: [],
    needs: new Set(),
  };
}

/** Fills in the steps that fit their shapes, and tells what does not fit. */
export function* readShapes(
  outline: Outline,
  plan: Record<string, unknown>,
): Generator<PlanProblem> {
  const head = planHead.safeParse(plan);
  if (!head.success)
    yield* problemsOf(head.error, "", Object.keys(planHead.shape), "a plan");
  else outline.plan = plan as Plan;
  for (const node of outline.nodes) {
    const problems = [...readStep(node)];
    if (problems.length === 0) node.step = node.raw as Step;
    yield* problems;
  }
}

function* readStep(node: StepNode): Generator<PlanProblem> {
  const { raw, path, kind, typo } = node;
  if (!isObject(raw))
    return yield { path, message: "expected a step: an object" };
  if (kind === undefined)
    return yield { path, message: nothingToDo(nearKinds(raw)) };
  if (typo) yield { path, message: nothingToDo([typo]) };
  const said = kindsIn(raw);
  if (said.length > 1)
    return yield {
      path,
      message: `says ${said.join(" and ")}, and a step does one thing: make it ${said.length} steps`,
    };
  const shape = shapes[kind];
  const parsed = shape.safeParse(raw);
  if (parsed.success) return;
  yield* problemsOf(parsed.error, path, Object.keys(shape.shape), `a ${kind}`);
}

function nothingToDo([near]: readonly Typo[]): string {
  const hint = near ? `: "${near.key}" may mean "${near.kind}"` : "";
  return `says nothing to do; expected one of ${kinds.join(", ")}${hint}`;
}

function* problemsOf(
  error: z.ZodError,
  base: string,
  fields: readonly string[],
  what: string,
): Generator<PlanProblem> {
  for (const issue of error.issues) {
    const path = pathTo(base, issue.path);
    if (issue.code === "unrecognized_keys")
      for (const key of issue.keys)
        yield {
          path: pathTo(path, [key]),
          message: unknownField(key, issue.path, fields, what),
        };
    else yield { path, message: issue.message.replace("Invalid input: ", "") };
  }
}

function unknownField(
  key: string,
  around: readonly PropertyKey[],
  fields: readonly string[],
  what: string,
): string {
  const isOwn = around.length === 0;
  const known = isOwn ? fields : (innerFields[String(around.at(-1))] ?? []);
  const near = nearest(key, known);
  if (near !== undefined)
    return `unknown field "${key}": did you mean "${near}"?`;
  return `unknown field "${key}"${isOwn ? `; ${what} has ${fields.join(", ")}` : ""}`;
}
