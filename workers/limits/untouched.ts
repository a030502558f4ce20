// The tasks that were sent away from the gates of an instance before anything was done with them. One whose next
// delivery comes here as well has been nowhere else, since each delivery is counted: the log need not be asked for
// it, and its first attempt is still its first. One that has left its queue and come back is another message, whose
// deliveries are counted anew.
import { Recent } from "../recent.js";
import type { Entrant } from "./entrant.js";

export class Untouched {
  /** By their messages: how often they were delivered by then. */
  readonly #counts = new Recent<number, number>();

  sentAway(task: Entrant): void {
    const { streamSequence, count } = task.delivery;
    if (task.mayBeKnown()) this.#counts.delete(streamSequence);
    else this.#counts.set(streamSequence, count);
  }

  has({ delivery }: Entrant): boolean {
    return this.#counts.get(delivery.streamSequence) === delivery.count - 1;
  }
}
