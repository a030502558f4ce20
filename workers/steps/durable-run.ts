// One run of a handler with durable operations, and what becomes of it when the handler is over, or left where it
// stands: it is undone, parked, or begins anew.
import { type JournalContents } from "../../bus/journal/journal.js";
import { cancelAsked } from "../../bus/journal/signals.js";
import { park } from "../../bus/journal/parking.js";
import { removeUsed } from "../../bus/journal/used-signals.js";
import { toTroupeError, type TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { EndState } from "../../protocol/task.js";
import type { Assignment } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import type { Run } from "../watch.js";
import type { Course } from "./course.js";
import { DurableHost } from "./durable-host.js";
import { misfitPauseMs, sameMisfit, type SuspendedMisfit } from "./misfits.js";
import { OwnJournal } from "./own-journal.js";
import { Steps } from "./steps.js";
import type { Suspended, Suspension } from "./suspension.js";

/**
 * A task that waits for children looks for them at least so often, however it is to be woken: one that somebody has
 * removed by hand is called anew then. Signals have a time limit of their own.
 */
const longestParkMs = 3_600_000;

export class DurableRun {
  readonly steps: Steps;
  readonly #task: Assignment;
  readonly #entries: readonly JournalEntry[];
  readonly #journal: OwnJournal;
  readonly #host: DurableHost;

  constructor(
    task: Assignment,
    runner: SkillRunner,
    context: HandlerContext,
    contents: JournalContents,
  ) {
    const { entries, signals } = contents;
    this.#task = task;
    this.#entries = entries;
    this.#journal = new OwnJournal(
      task.host,
      this.#name,
      contents,
      () => this.course.isOver,
    );
    this.#host = new DurableHost(task, runner, context, this.#journal, signals);
    this.steps = new Steps(this.#host, entries);
  }

  get course(): Course {
    return this.steps.course;
  }

  get canPark(): boolean {
    return this.#host.canPark;
  }

  /** Of the last write to its journal. */
  get place(): number {
    return this.#journal.place;
  }

  get hasWritten(): boolean {
    return this.#journal.hasWritten;
  }

  /** See Assignment. */
  ownJournal(): Promise<void> {
    return this.#journal.clear();
  }

  /** See Course.unwind. A worker that stops does not wait for it. */
  async unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    const { watch } = this.#task.host;
    const run: Run = {
      timeoutMs: Infinity,
      deadlineAt: Infinity,
      endsAt: Infinity,
      outOfTime: () => error,
      stop: () => this.course.leave({ why: "undoing", until: 0 }),
    };
    watch.add(run);
    try {
      return await this.course.unwind(state, error);
    } finally {
      watch.remove(run);
    }
  }

  /**
   * Leaves the queue until its time has come, or something happens that it waits for. False when that has happened
   * already: then it is to be delivered again.
   */
  async park({
    until,
    waitsFor,
    asks,
  }: Suspended & { why: "parked" }): Promise<boolean> {
    const { host, delivery, deadline } = this.#task;
    const { link, publisher } = host;
    const { subject, headers, body } = delivery;
    // What is undone has ended by its deadline or its canceling: neither is to bring it back at once, over and over.
    const isUndoing = this.course.undoing !== undefined;
    const latest = Math.min(
      until === Infinity ? this.#host.now() + longestParkMs : until,
      isUndoing ? Infinity : (deadline?.getTime() ?? Infinity),
    );
    const parked = {
      ...this.#name,
      until: latest,
      waitsFor,
      asks,
      subject,
      headers,
      body,
    };
    await this.ownJournal();
    await this.#tellOfCalls();
    await park(link, publisher, parked, () => this.#journal.check());
    const [isOver] = await Promise.all([
      this.course.anyOver(),
      this.#host.readSignals(),
    ]);
    // The timer stands in either case: it may be another's by now, and brings back what is at work or over at the worst.
    const isCanceled = cancelAsked(this.#host.signals) !== undefined;
    return !isOver && (isUndoing || !isCanceled);
  }

  /** For whoever looks: a task can be parked without, and is where the journal has no room. */
  async #tellOfCalls(): Promise<void> {
    const begun = this.course.calls.untold();
    if (begun.length === 0) return;
    try {
      await this.#journal.append(begun);
    } catch (thrown) {
      const error = toTroupeError(thrown);
      if (error.code === "CONFLICT") throw error;
      this.#task.host.logFailed(error);
    }
  }

  /** It is on the journal, once for each version that does not fit. Resolves with how long to wait before the next try. */
  async recordMisfit({
    entry,
  }: SuspendedMisfit): Promise<{ pauseMs: number; isNew: boolean }> {
    const same = sameMisfit(this.#entries, entry);
    if (!same) await this.#journal.append([entry]);
    return { pauseMs: misfitPauseMs(same, this.#host.now()), isNew: !same };
  }

  /** The journal begins anew. */
  async continued({
    input,
    run,
    taken,
  }: Suspended & { why: "continued" }): Promise<JournalContents> {
    const entry: JournalEntry = {
      kind: "continued",
      at: this.#host.now(),
      input,
      run,
      ...(taken.length === 0 ? {} : { taken }),
    };
    const begun = await this.#journal.beginAnew(entry);
    const { signals } = this.#host;
    const { link, publisher } = this.#task.host;
    void removeUsed(link, publisher, this.#name, signals, new Map(taken));
    return { ...begun, signals };
  }

  get #name(): TaskName {
    return { agent: this.#task.agent, taskId: this.#task.id };
  }
}
