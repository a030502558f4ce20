// The ids of tasks that were canceled lately, as their cancelers tell. The message of such a task may still
// come: it was on its way, or its canceler may not remove it. Then the log is asked before the handler runs.

const capacity = 10_000;

export class Canceled {
  readonly #ids = new Set<string>();

  /** The oldest is forgotten when there are too many. */
  add(taskId: string): void {
    this.#ids.delete(taskId);
    this.#ids.add(taskId);
    if (this.#ids.size > capacity)
      this.#ids.delete(this.#ids.values().next().value!);
  }

  has(taskId: string): boolean {
    return this.#ids.has(taskId);
  }
}
