// What a handler with durable operations needs, over the bus: its journal, its children, its signals.
import { endOf } from "../../bus/history/history.js";
import { readSignals, type Signal } from "../../bus/journal/signals.js";
import { cancelUnneeded } from "../../bus/tasks/cancel.js";
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import { findTask } from "../../bus/tasks/task-list.js";
import {
  needOf,
  type NamedTarget,
  type Names,
  type Target,
} from "../../bus/tasks/target.js";
import { parseKeyedSubject } from "../../protocol/addresses.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { parseOutcome, type Outcome } from "../../protocol/outcome.js";
import type { JournalEntry } from "../../protocol/journal.js";
import {
  orchestratorName,
  planSkillName,
  type TaskName,
} from "../../protocol/subjects.js";
import { depthOf, parentHeader } from "../../protocol/task-message.js";
import { tokenAt } from "../../protocol/tokens.js";
import type { Assignment } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import { startRun } from "./child-run.js";
import type { OwnJournal } from "./own-journal.js";
import { SignalLooks } from "./signal-looks.js";
import type { Child, ChildRun, StepHost, Turn } from "./step-host.js";
import { Suspension, type Suspended } from "./suspension.js";

/** Of plans that are called from plans: one that calls itself, whichever way, must end. */
const deepest = 16;

export class DurableHost implements StepHost {
  readonly isDurable = true;
  signals: Signal[];
  readonly #task: Assignment;
  readonly #runner: SkillRunner;
  readonly #context: HandlerContext;
  readonly #journal: OwnJournal;

  constructor(
    task: Assignment,
    runner: SkillRunner,
    context: HandlerContext,
    journal: OwnJournal,
    signals: readonly Signal[],
  ) {
    this.#task = task;
    this.#runner = runner;
    this.#context = context;
    this.#journal = journal;
    this.signals = [...signals];
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

  /** A task with a key keeps its place in the queue (R4). One that has ended is not woken: only its undoing goes on. */
  get canPark(): boolean {
    const { key, delivery } = this.#task;
    return key === undefined && delivery.headers.undo === undefined;
  }

  get turn(): Turn | undefined {
    const { subject } = this.#task.delivery;
    if (tokenAt(subject, 1) !== "partition") return undefined;
    const { lane, place } = parseKeyedSubject(subject);
    return { lane, partition: Number(place) };
  }

  now(): number {
    return this.#task.host.link.clock.now();
  }

  append(entries: JournalEntry[]): Promise<void> {
    return this.#journal.append(entries);
  }

  get isInDoubt(): boolean {
    return this.#task.isInDoubt;
  }

  async hold(): Promise<void> {
    await this.#journal.hold();
    // One whose workers were taken for lost ends without a word on its journal.
    if (!(await endOf(this.#task.host.link, this.id, this.agent))) return;
    throw new TroupeError(
      "CONFLICT",
      `task "${this.id}" was ended by another instance of "${this.agent}": this one was held up for too long and leaves it`,
    );
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
        isFirst: !this.#task.mayBeKnown(),
        ...this.#asChild(child),
      },
      (error) => this.suspend({ why: "trouble", error }),
    );
  }

  async outcomeOf({ id, agent }: Child): Promise<Outcome | undefined> {
    const end = await endOf(this.#task.host.link, id, agent);
    return end && parseOutcome(end.body);
  }

  cancelChild(child: Child, reason: string): Promise<void> {
    return cancelUnneeded(this.#task.host, child, reason);
  }

  find(id: string): ReturnType<StepHost["find"]> {
    return findTask(this.#task.host.link, id);
  }

  startUndo(
    child: Child,
    target: NamedTarget,
    input: unknown,
    lost: (error: TroupeError) => void,
  ): Promise<ChildRun> {
    const { submitter } = this.#task.host;
    return startRun(submitter, target, input, this.#asChild(child), lost);
  }

  /** Throws PLAN_INVALID. */
  #asChild(child: Child) {
    const { delivery } = this.#task;
    const depth = depthOf(delivery.headers) + (isPlan(this) ? 1 : 0);
    if (isPlan(child) && depth > deepest) throw tooDeep();
    return {
      id: child.id,
      parent: parentHeader(this.#name),
      ...(depth === 0 ? {} : { depth }),
    };
  }

  async readSignals(): Promise<void> {
    this.signals = await readSignals(this.#task.host.link, this.#name);
  }

  hearSignals(heard: () => void): () => void {
    const { link, ears } = this.#task.host;
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
          link.log.debug(
            { task: this.id, error: messageOf(error) },
            "signals could not be read; they are when the task is parked",
          ),
        );
    };
    const stop = ears.hear(this.id, look);
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

  get #name(): TaskName {
    return { agent: this.agent, taskId: this.id };
  }
}

const isPlan = ({ agent, skill }: Names): boolean =>
  agent === orchestratorName && skill === planSkillName;

function tooDeep(): TroupeError {
  return new TroupeError(
    "PLAN_INVALID",
    `plans call each other more than ${deepest} deep: does one of them call itself?`,
  );
}
