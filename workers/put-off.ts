// Tasks that were given back to come again after a while, for as long as that lasts: one that is canceled meanwhile is
// to come at once, for only a worker can undo what it did. Where this process has died it comes when it would have.

const capacity = 10_000;

export class PutOff {
  readonly #tasks = new Map<string, { comeNow: () => void; until: number }>();

  /** The oldest is forgotten when there are too many. */
  add(taskId: string, comeNow: () => void, delayMs: number): void {
    this.#tasks.delete(taskId);
    this.#tasks.set(taskId, { comeNow, until: performance.now() + delayMs });
    if (this.#tasks.size > capacity)
      this.#tasks.delete(this.#tasks.keys().next().value!);
  }

  hasten(taskId: string): void {
    const task = this.#tasks.get(taskId);
    this.#tasks.delete(taskId);
    // Later another may be at work on it.
    if (task && performance.now() < task.until) task.comeNow();
  }
}
