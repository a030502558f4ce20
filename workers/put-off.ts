// Tasks that were given back to come again after a while, for as long as that lasts: one that is canceled meanwhile is
// to come at once, for only a worker can undo what it did. Where this process has died it comes when it would have.
import { Recent } from "./recent.js";

export class PutOff {
  readonly #tasks = new Recent<
    string,
    { comeNow: () => void; until: number }
  >();

  add(taskId: string, comeNow: () => void, delayMs: number): void {
    this.#tasks.set(taskId, { comeNow, until: performance.now() + delayMs });
  }

  hasten(taskId: string): void {
    const task = this.#tasks.get(taskId);
    this.#tasks.delete(taskId);
    // Later another may be at work on it.
    if (task && performance.now() < task.until) task.comeNow();
  }
}
