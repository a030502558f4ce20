// What steps of one list need of each other: an order to begin them in, or a circle, of which none could begin.
import type { Outline, PlanProblem, StepNode } from "./outline.js";

/** Each circle is told once, where it was met first. */
export function* checkCycles({ nodes }: Outline): Generator<PlanProblem> {
  const done = new Set<StepNode>();
  for (const node of nodes) {
    const circle = circleFrom(node, done);
    if (circle === undefined) continue;
    const names = [...circle, circle[0]!].map(({ name, path }) => name ?? path);
    yield {
      path: circle[0]!.path,
      message: `cycle: ${names.join(" needs ")}; expected that one of them needs no other`,
    };
  }
}

/** Walks from need to need, without recursion. */
function circleFrom(
  start: StepNode,
  done: Set<StepNode>,
): StepNode[] | undefined {
  if (done.has(start)) return undefined;
  let circle: StepNode[] | undefined;
  const way: { node: StepNode; left: StepNode[] }[] = [];
  const onWay = new Map<StepNode, number>();
  const enter = (node: StepNode) => {
    onWay.set(node, way.length);
    way.push({ node, left: [...node.needs] });
    done.add(node);
  };
  enter(start);
  while (way.length > 0) {
    const { node, left } = way.at(-1)!;
    const next = left.pop();
    if (next === undefined) {
      onWay.delete(node);
      way.pop();
      continue;
    }
    const met = onWay.get(next);
    if (met !== undefined) circle ??= way.slice(met).map((each) => each.node);
    else if (!done.has(next)) enter(next);
  }
  return circle;
}

/** Those that are needed before those that need them. */
export function inOrder(nodes: readonly StepNode[]): StepNode[] {
  const waiting = new Map(nodes.map((node) => [node, node.needs.size]));
  const needing = new Map<StepNode, StepNode[]>(nodes.map((n) => [n, []]));
  for (const node of nodes)
    for (const needed of node.needs) needing.get(needed)!.push(node);
  const order = nodes.filter((node) => node.needs.size === 0);
  for (const node of order)
    for (const next of needing.get(node)!) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) order.push(next);
    }
  return order;
}
