// Undoing by a task. It is waited for as children are: without a slot, and for longer than a moment in nobody's hands,
// for its end wakes the task that it undoes something of.
//
// 1. Its id is given by who wants it undone, so it is one task, whoever dies meanwhile. One that has failed is called
//    again under the next id: each attempt to undo is one task.
// 2. It may have failed while nobody waited. So of the tasks that have failed as many are passed over as failures are
//    on the journal; the next is this attempt, however it has ended.
import {
  namesOf,
  needOf,
  type NamedTarget,
  type Target,
} from "../../bus/tasks/target.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { Outcome } from "../../protocol/outcome.js";
import { isTerminal } from "../../protocol/task.js";
import type { Parts } from "./parts.js";
import type { Child, ChildRun } from "./step-host.js";
import type { Operation } from "./tape.js";

/** What undoes something, and the id that it has however often it is asked for. */
export interface UndoTask {
  id: string;
  target: Target;
  input: unknown;
}

export class UndoCalls {
  readonly #parts: Parts;
  readonly #lost: (error: TroupeError) => void;
  #run: ChildRun | undefined;

  /** `lost` is called when the end of what was called can no longer be heard of. */
  constructor(parts: Parts, lost: (error: TroupeError) => void) {
    this.#parts = parts;
    this.#lost = lost;
  }

  /** Resolves when it is undone. Throws what the task has failed with; `failures` were told before. */
  async call(
    operation: Operation,
    task: UndoTask,
    failures: number,
  ): Promise<void> {
    const { child, isOver } = await this.#find(task, failures);
    const { host } = this.#parts;
    const past = isOver ? await host.outcomeOf(child) : undefined;
    const outcome = past ?? (await this.#outcome(operation, child, task));
    if (outcome.state !== "completed") throw outcome.error;
  }

  /** Nothing more is heard of what was called. */
  stop(): void {
    this.#run?.leave();
    this.#run = undefined;
  }

  /** Of this attempt. Whom it was sent to stays the same, though a need may mean another by now. */
  async #find(
    { id, target, input }: UndoTask,
    failures: number,
  ): Promise<{ child: Child; isOver: boolean }> {
    const { host } = this.#parts;
    for (let attempt = 1, passed = 0; ; attempt++) {
      const own = attempt === 1 ? id : `${id}~${attempt}`;
      const known = await host.find(own);
      if (!known) {
        const names = needOf(target)
          ? await host.choose(target, input)
          : namesOf(target as NamedTarget);
        return { child: { ...names, id: own }, isOver: false };
      }
      const { agent, skill, state } = known;
      const isOver = isTerminal(state);
      const isInVain = isOver && state !== "completed";
      if (!isInVain || passed++ >= failures)
        return { child: { agent, skill, id: own }, isOver };
    }
  }

  async #outcome(
    operation: Operation,
    child: Child,
    { target, input }: UndoTask,
  ): Promise<Outcome> {
    const { host, line, waits } = this.#parts;
    const to = needOf(target)
      ? `${child.agent}.${child.skill}`
      : (target as NamedTarget);
    // Who was frozen, and is fenced off without knowing it, calls nobody.
    if (host.isInDoubt) await line.hold();
    const run = await host.startUndo(child, to, input, this.#lost);
    if (line.closed) run.leave();
    else this.#run = run;
    waits.add(operation, {
      until: undefined,
      what: `task "${child.id}" of ${child.agent}.${child.skill}, which undoes "${operation.name}"`,
      due: () => undefined,
      hasHappened: async () => (await host.outcomeOf(child)) !== undefined,
    });
    return new Promise((resolve) =>
      run.ended((outcome) => {
        waits.remove(operation);
        this.#run = undefined;
        resolve(outcome);
      }),
    );
  }
}
