// How far a plan is, as it is told to whoever follows it now.
//
// Steps of maps do not count: nobody knows beforehand how often they are done. Those of a branch that is not taken are
// done with as soon as that is known; so a plan that completes comes to its total.
import type { Block, StepNode } from "../../protocol/plan/outline.js";
import type { PlanTask } from "./plan-task.js";
import type { Scope } from "./scope.js";

/** More than that in text is not sent along: all of it is on the journal. */
const longest = 4_000;

export class PlanProgress {
  readonly #task: PlanTask;
  readonly #total: number;
  #done = 0;

  constructor(task: PlanTask, root: Block) {
    this.#task = task;
    this.#total = countable([root]);
  }

  /** A step is; where it stands in a map it does not count. */
  done({ round }: Scope): void {
    if (round === "") this.#done++;
  }

  /** Nothing of this will be done. */
  passOver(block: Block | undefined, { round }: Scope): void {
    if (block && round === "") this.#done += countable([block]);
  }

  tell(message: string, data: object): void {
    this.#task.progress({
      progress: this.#done,
      total: this.#total,
      message: cut(message),
      data: withoutLarge(data),
    });
  }
}

/** The steps within, but for those of maps. */
function countable(blocks: readonly Block[]): number {
  let count = 0;
  const open: StepNode[] = blocks.flatMap(({ nodes }) => nodes);
  for (let node = open.pop(); node; node = open.pop()) {
    count++;
    if (node.kind !== "map")
      for (const { nodes } of node.blocks) open.push(...nodes);
  }
  return count;
}

const cut = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}…`;

function withoutLarge(data: object): object {
  const small = Object.entries(data).flatMap(([name, value]) => {
    if (typeof value === "string") return [[name, cut(value)] as const];
    const isLarge = (JSON.stringify(value) ?? "").length > longest;
    return isLarge ? [] : [[name, value as unknown] as const];
  });
  return Object.fromEntries(small);
}
