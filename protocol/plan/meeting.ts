// How two steps of a plan stand to each other, and whether what one gives is seen by the other.
import type { Block, StepNode } from "./outline.js";

interface Meeting {
  /** The innermost list in which both stand. */
  block: Block;
  /** In that list, the step that is it or that it stands in; of the plan's output there is none. */
  from: StepNode | undefined;
  to: StepNode;
}

export function meetingOf(
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
export function mapBetween(to: StepNode, below: Block): StepNode | undefined {
  let found: StepNode | undefined;
  for (let { block } = to; block !== below && block.of; { block } = block.of)
    if (block.of.kind === "map") found = block.of;
  return found;
}
