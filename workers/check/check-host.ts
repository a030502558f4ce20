// A handler's host where there is no bus: nothing is done that its journal does not have, and nobody is told of it.
import { logger, type Logger } from "../../bus/connection/log.js";
import type { RetryRules } from "../../bus/delivery/retry.js";
import { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { cutBefore } from "../../protocol/journal-cut.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import type { StepHost } from "../steps/step-host.js";
import type { Course } from "../steps/course.js";
import { Steps } from "../steps/steps.js";
import type { Suspended } from "../steps/suspension.js";
import {
  HandlerContext,
  type ContextHost,
  type TaskFacts,
} from "../task-context.js";

const never = new Promise<never>(() => undefined);

export class CheckHost implements StepHost, ContextHost {
  readonly id: string;
  readonly agent: string;
  readonly skill: string;
  readonly version: string;
  readonly rules: RetryRules;
  readonly isDurable = true;
  readonly canPark = false;
  readonly isInDoubt = false;
  readonly signals = [];
  readonly steps: Steps;
  /** Why the handler was left where it stands. */
  suspended: Suspended | undefined;

  constructor(journal: TaskJournal, version: string, rules: RetryRules) {
    this.id = journal.taskId;
    this.agent = journal.agent;
    this.skill = journal.skill;
    this.version = version;
    this.rules = rules;
    this.steps = new Steps(this, handlerPart(journal.entries));
    // As if it were to be undone: then only what the journal has is gone through.
    this.course.onlyUndo(
      new TroupeError("TASK_CANCELED", "it is only checked"),
    );
  }

  get course(): Course {
    return this.steps.course;
  }

  makeSteps(): Steps {
    return this.steps;
  }

  makeLog(): Logger {
    return logger.child({ task: this.id, check: true });
  }

  suspend(to: Suspended): void {
    this.suspended = to;
  }

  now(): number {
    return Date.now();
  }

  // None of these has an effect, and what would follow from it never comes.

  append(): Promise<void> {
    return never;
  }

  hold(): Promise<never> {
    return never;
  }

  choose(): Promise<never> {
    return never;
  }

  startChild(): Promise<never> {
    return never;
  }

  find(): Promise<never> {
    return never;
  }

  startUndo(): Promise<never> {
    return never;
  }

  outcomeOf(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  cancelChild(): Promise<void> {
    return Promise.resolve();
  }

  readSignals(): Promise<void> {
    return Promise.resolve();
  }

  hearSignals(): () => void {
    return () => undefined;
  }

  sendProgress(): void {
    return;
  }

  idle(): void {
    return;
  }

  end(): void {
    return;
  }
}

/** What the handler did itself; not what became of the task after that. */
function handlerPart(entries: readonly JournalEntry[]): JournalEntry[] {
  const [first] = entries;
  const isBeginning = first?.kind === "forked" || first?.kind === "continued";
  const rest = cutBefore(entries, Number.POSITIVE_INFINITY);
  return isBeginning ? [first, ...rest] : rest;
}

export class CheckContext extends HandlerContext {
  /** It wants to begin anew. */
  continues = false;

  constructor(
    host: CheckHost,
    { taskId: id, agent, skill, context, attempts = 1 }: TaskJournal,
  ) {
    const facts: TaskFacts = {
      id,
      agent,
      skill,
      attempt: Math.max(1, attempts),
      level: "normal",
      context,
      key: undefined,
      deadline: undefined,
      durable: true,
    };
    super(facts, host);
  }

  override continueAs(): Promise<never> {
    this.continues = true;
    return never;
  }
}
