// What a plan, or a part of it, may still spend. Parts have budgets of their own, and spend of those around them, too.
import { usedUp } from "./failures.js";

interface Purse {
  readonly what: string;
  readonly most: number;
  calls: number;
}

export class Spending {
  /** Its own last. */
  readonly #purses: readonly Purse[];

  constructor(
    what: string,
    most = Number.POSITIVE_INFINITY,
    around?: Spending,
  ) {
    this.#purses = [
      ...(around ? around.#purses : []),
      { what, most, calls: 0 },
    ];
  }

  /** Throws BUDGET_EXCEEDED where no other call may be made; `cause` is why the last one did not do. */
  spend(cause?: unknown): void {
    for (const { what, most, calls } of this.#purses)
      if (calls >= most) throw usedUp(what, most, cause);
    for (const purse of this.#purses) purse.calls++;
  }
}
