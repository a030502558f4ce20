// One run of a handler with durable operations, over the bus: its journal, its children, its signals, and what becomes
// of its delivery when the handler is left where it stands.
import { cancelUnneeded } from "../../bus/tasks/cancel.js";
import { endOf } from "../../bus/history/history.js";
import {
  cancelAsked,
  JournalWriter,
  readSignals,
  type JournalContents,
} from "../../bus/journal/journal.js";
import { park } from "../../bus/journal/parking.js";
import type { Signal } from "../../bus/journal/signals.js";
import { removeUsed } from "../../bus/journal/used-signals.js";
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import {
  needOf,
  type NamedTarget,
  type Names,
  type Target,
} from "../../bus/tasks/target.js";
import {
  messageOf,
  toTroupeError,
  type TroupeError,
} from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { parentHeader } from "../../protocol/task-message.js";
import type { EndState } from "../../protocol/undo-state.js";
import type { Assignment } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import type { Run } from "../watch.js";
import { startRun } from "./child-run.js";
import { misfitPauseMs, sameMisfit, type Misfit } from "./misfits.js";
import type { Course } from "./course.js";
import { SignalLooks } from "./signal-looks.js";
import type { Child, ChildRun, StepHost } from "./step-host.js";
import { Steps } from "./steps.js";
import { Suspension, type Suspended } from "./suspension.js";

/**
 * A task that waits for children looks for them at least so often, however it is to be woken: one that somebody has
 * removed by hand is called anew then. Signals have a time limit of their own.
 */
const longestParkMs = 3_600_000;

export class DurableRun implements StepHost {
  readonly steps: Steps;
  readonly isDurable = true;
  readonly canPark: boolean;
  signals: Signal[];
  readonly #task: Assignment;
  readonly #runner: SkillRunner;
  readonly #context: HandlerContext;
  readonly #journal: JournalContents;
  readonly #writer: JournalWriter;
  #wrote = false;

  constructor(
    task: Assignment,
    runner: SkillRunner,
    context: HandlerContext,
    journal: JournalContents,
  ) {
    this.#task = task;
    this.#runner = runner;
    this.#context = context;
    this.#journal = journal;
    this.signals = [...journal.signals];
    // A task with a key keeps its place in the queue (R4).
    this.canPark = task.key === undefined;
    const { link, publisher } = task.host;
    this.#writer = new JournalWriter(link, publisher, this.#name, journal);
    this.steps = new Steps(this, journal.entries);
  }

  get course(): Course {
    return this.steps.course;
  }

  get id(): string {
    return this.#task.id;
  }

  get agent(): string {
    return this.#task.agent;
  }

  get skill(): string {
    return this.#task.skill;
  }

  get version(): string {
    return this.#task.host.version;
  }

  get rules() {
    return this.#runner.rules;
  }

  now(): number {
    return this.#task.host.link.clock.now();
  }

  /** Where the journal's stream is full it waits for room: given back, the task would do again what is done. */
  async append(entries: JournalEntry[]): Promise<void> {
    const anew = this.#journal.isStale && !this.#wrote;
    this.#wrote = true;
    for (let pauseMs = 125; ; pauseMs = Math.min(2 * pauseMs, 5_000)) {
      try {
        return await this.#writer.append(entries, anew);
      } catch (thrown) {
        const error = toTroupeError(thrown);
        if (error.code !== "STREAM_FULL" || this.course.isOver) throw error;
        this.#task.host.logFailed(error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (this.course.isOver) throw error;
      }
    }
  }

  async choose(target: Target, _input: unknown): Promise<Names> {
    const need = needOf(target)!;
    const { agent, skill } = await this.#task.host.router.find(need, {});
    return { agent, skill };
  }

  startChild(
    child: Child,
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions,
  ): Promise<ChildRun> {
    const { host, level, context } = this.#task;
    const leftMs = this.#task.deadlineInMs();
    return startRun(
      host.submitter,
      target,
      input,
      {
        priority: level,
        ...(context === undefined ? {} : { context }),
        ...(Number.isFinite(leftMs) ? { deadline: Math.max(0, leftMs) } : {}),
        ...options,
        id: child.id,
        parent: parentHeader(this.#name),
      },
      (error) => this.suspend({ why: "trouble", error }),
    );
  }

  async hasEnded({ id, agent }: Child): Promise<boolean> {
    return (await endOf(this.#task.host.link, id, agent)) !== undefined;
  }

  cancelChild(child: Child, reason: string): Promise<void> {
    const { link, recorder, publisher } = this.#task.host;
    return cancelUnneeded(link, publisher, recorder, child, reason);
  }

  async readSignals(): Promise<void> {
    this.signals = await readSignals(this.#task.host.link, this.#name);
  }

  hearSignals(heard: () => void): () => void {
    const looks = new SignalLooks(
      async () => {
        await this.readSignals();
        heard();
      },
      (wanted) => this.signals.some(({ id }) => id === wanted),
    );
    const look = (id?: string): void => {
      looks
        .heard(id)
        .catch((error: unknown) =>
          this.#task.host.link.log.debug(
            { task: this.id, error: messageOf(error) },
            "signals could not be read; they are when the task is parked",
          ),
        );
    };
    const stop = this.#task.host.ears.hear(this.id, look);
    look();
    return () => {
      stop();
      looks.stop();
    };
  }

  idle(isIdle: boolean): void {
    this.#context.rest(isIdle);
    this.#task.rest(isIdle);
  }

  suspend(to: Suspended): void {
    this.#context.stop(new Suspension(to));
  }

  end(error: TroupeError): void {
    this.#context.stop(error);
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
      stop: () => this.course.leave({ why: "paused", until: 0 }),
    };
    watch.add(run);
    try {
      return await this.course.unwind(state, error);
    } finally {
      watch.remove(run);
    }
  }

  /** See Assignment. */
  async ownJournal(): Promise<void> {
    if (this.#journal.isStale && !this.#wrote) await this.append([]);
  }

  /** Of the last write to its journal. */
  get place(): number {
    return this.#writer.last;
  }

  get hasWritten(): boolean {
    return this.#wrote;
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
    const latest = Math.min(
      until === Infinity ? this.now() + longestParkMs : until,
      deadline?.getTime() ?? Infinity,
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
    await park(link, publisher, parked, () => this.#writer.check());
    const [isOver] = await Promise.all([
      this.course.anyOver(),
      this.readSignals(),
    ]);
    // The timer stands in either case: it may be another's by now, and brings back what is at work or over at the worst.
    return !isOver && cancelAsked(this.signals) === undefined;
  }

  /** For whoever looks: a task can be parked without, and is where the journal has no room. */
  async #tellOfCalls(): Promise<void> {
    const begun = this.course.calls.untold();
    if (begun.length === 0) return;
    try {
      await this.append(begun);
    } catch (thrown) {
      const error = toTroupeError(thrown);
      if (error.code === "CONFLICT") throw error;
      this.#task.host.logFailed(error);
    }
  }

  /** It is on the journal, once for each version that does not fit. Resolves with how long to wait before the next try. */
  async recordMisfit({
    entry,
  }: Misfit): Promise<{ pauseMs: number; isNew: boolean }> {
    const same = sameMisfit(this.#journal.entries, entry);
    if (!same) await this.append([entry]);
    return { pauseMs: misfitPauseMs(same, this.now()), isNew: !same };
  }

  /** The journal begins anew. */
  async continued({
    input,
    run,
    taken,
  }: Suspended & { why: "continued" }): Promise<JournalContents> {
    const entry: JournalEntry = {
      kind: "continued",
      at: this.now(),
      input,
      run,
      ...(taken.length === 0 ? {} : { taken }),
    };
    await this.#writer.append([entry], true);
    const { link, publisher } = this.#task.host;
    const used = new Map(taken);
    void removeUsed(link, publisher, this.#name, this.signals, used);
    const { last, hasParts } = this.#writer;
    return {
      entries: [entry],
      signals: this.signals,
      last,
      writtenAt: this.now(),
      hasParts,
      isStale: false,
    };
  }

  get #name() {
    return { agent: this.agent, taskId: this.id };
  }
}
