// Where in a run of a plan a step stands: what it may refer to, which round of the maps around it this is, and what it
// may spend.
import type { Spending } from "./spending.js";

export interface Scope {
  readonly roots: Readonly<Record<string, unknown>> & {
    readonly steps: Record<string, unknown>;
  };
  /** Such as "[2]", in the third round of a map. */
  readonly round: string;
  readonly spending: Spending;
}

/** A round of a map: what its steps give is seen in it alone. */
export function roundOf(
  { roots, round, spending }: Scope,
  as: string,
  item: unknown,
  index: number,
): Scope {
  return {
    roots: { ...roots, steps: { ...roots.steps }, [as]: item, index },
    round: `${round}[${index}]`,
    spending,
  };
}
