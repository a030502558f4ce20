// Whether a task in hand is still ours, and how its end is refused where it is not: another that has gone on with it
// durably is to end it, for what that one does would stand beside our end, or be undone
// (docs/decisions/0035-ends-are-fenced.md).
import { emptyJournal } from "../bus/journal/journal.js";
import { lastEventOf } from "../bus/history/history.js";
import type { Assignment, Result } from "./assignment.js";
import { hasGrown, type Workflow } from "./steps/workflow.js";
import type { KeptAlive } from "./watch.js";

export class Tenure {
  readonly #task: Assignment & KeptAlive;
  /** The place of the last that its history says, as far as is known here. */
  #lastEvent = 0;

  constructor(task: Assignment & KeptAlive) {
    this.#task = task;
  }

  /** Another may have it by now. */
  get isInDoubt(): boolean {
    const { host, delivery } = this.#task;
    return host.watch.wasSilent(this.#task) || delivery.mayBeForgotten;
  }

  /** Nothing was said of it after this, as far as is known here. */
  knows(lastEvent: number): void {
    this.#lastEvent = lastEvent;
  }

  /** Whoever gets it after us says so before doing anything: then our end is refused, however late it comes. */
  fenceEnd(): void {
    this.#task.subject.lastEvent = this.#lastEvent;
  }

  /** Whether another has gone on with it. Where none has, none can from now on, if it has a journal. */
  async isLost(workflow: Workflow | undefined): Promise<boolean> {
    const { host, id, agent } = this.#task;
    const isAnothers = workflow
      ? await workflow.isAnothers()
      : await hasGrown(this.#task, emptyJournal);
    if (isAnothers) return true;
    const last = await lastEventOf(host.link, id, agent);
    this.#lastEvent = last?.sequence ?? 0;
    return false;
  }

  /** It is not acknowledged: that is for who has it. */
  leave(): Result {
    const { host, id } = this.#task;
    host.link.log.info(
      { task: id },
      "another instance has gone on with a task while this one was held up, and ends it",
    );
    return "late";
  }
}
