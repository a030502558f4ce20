// The tasks that were sent away from the gates of an instance before anything was done with them. One whose next
// delivery comes here as well has been nowhere else, since each delivery is counted: the log need not be asked for
// it, and its first attempt is still its first.
import type { Entrant } from "./entrant.js";

const capacity = 10_000;

export class Untouched {
  /** How often they were delivered by then. */
  readonly #counts = new Map<string, number>();

  sentAway(task: Entrant): void {
    const { id, delivery } = task;
    this.#counts.delete(id);
    if (task.mayBeKnown()) return;
    this.#counts.set(id, delivery.count);
    if (this.#counts.size > capacity)
      this.#counts.delete(this.#counts.keys().next().value!);
  }

  has({ id, delivery }: Entrant): boolean {
    return this.#counts.get(id) === delivery.count - 1;
  }
}
