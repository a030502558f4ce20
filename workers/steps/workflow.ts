// A task whose handler uses durable operations, or did in an earlier attempt: what becomes of it when its handler is left
// where it stands, and what is undone when it is over.
//
// R3: its message leaves the queue only when its journal, or its timer, says how it goes on.
import {
  inputOf,
  ownPart,
  readJournal,
  type JournalContents,
} from "../../bus/journal/journal.js";
import { cancelAsked } from "../../bus/journal/signals.js";
import {
  firstAttempt,
  sinceContinued,
  type Recollection,
} from "../../bus/delivery/recall.js";
import {
  hasCode,
  isConflict,
  toTroupeError,
  TroupeError,
} from "../../protocol/errors.js";
import { misfitOf } from "../../protocol/journal.js";
import { fromRpcError } from "../../protocol/rpc.js";
import type { EndState } from "../../protocol/task.js";
import type { Assignment, Result } from "../assignment.js";
import { recordFailure } from "../failure.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import { DurableRun } from "./durable-run.js";
import type { SuspendedMisfit } from "./misfits.js";
import type { Steps } from "./steps.js";
import { Suspension, type Suspended } from "./suspension.js";

interface WorkflowTask extends Assignment {
  past: Recollection;
  /** Runs its handler. */
  attemptWith(runner: SkillRunner): Promise<Result> | Result;
  /** Its handler is over. */
  recordOutcome(outcome: unknown): Promise<Result> | Result;
}

type Parked = Suspended & { why: "parked" };

/** A task that continues oftener in one worker is delivered anew. */
const runsOfDelivery = 500;
const hungPauseMs = 5_000;

export class Workflow {
  readonly #task: WorkflowTask;
  #journal: JournalContents;
  #runner: SkillRunner | undefined;
  #run: DurableRun | undefined;
  /** Why its handler is run for nothing but to undo. */
  #over: TroupeError | undefined;

  constructor(task: WorkflowTask, journal: JournalContents) {
    this.#task = task;
    this.#journal = journal;
  }

  /** Why it is over, where somebody else has said so while nobody heard of it. */
  get canceled(): TroupeError | undefined {
    const { entries, signals } = this.#journal;
    const [first] = entries;
    const reason = cancelAsked(signals);
    if (first?.kind === "canceled" && first.error)
      return fromRpcError(first.error);
    if (reason === undefined && first?.kind !== "canceled") return undefined;
    const said = reason || `task "${this.#task.id}" was canceled`;
    return new TroupeError("TASK_CANCELED", said);
  }

  /** It may have done something; one that was only sent signals has not. */
  get hasBegun(): boolean {
    const { entries } = this.#journal;
    return this.#run !== undefined || entries.length > 0 || this.#hasSlept;
  }

  /** Where its handler is to be run although the task is over: for what it has done may have to be undone. */
  runnerToUndo(error: TroupeError): SkillRunner | undefined {
    const isSafe = error.code !== "WORKER_LOST" && !error.retryable;
    // Where nothing was done it may have called somebody, and its worker have died before that was written.
    const isSealed = this.#journal.entries[0]?.kind === "canceled";
    const hasDone = this.hasBegun && !isSealed;
    if (!isSafe || !hasDone) return undefined;
    this.#over = error;
    return this.#task.host.runners.get(this.#task.skill);
  }

  /** It was found here not to fit its journal, which is the same since. */
  get isKnownMisfit(): boolean {
    return this.#knownMisfit !== undefined;
  }

  /** It goes as it went then, and its handler is not run. */
  async leaveMisfit(
    runner: SkillRunner,
    context: HandlerContext,
  ): Promise<Result> {
    const run = new DurableRun(this.#task, runner, context, this.#journal);
    try {
      const to = this.#knownMisfit!;
      const { pauseMs } = await run.recordMisfit(to);
      return await this.#leaveFor(pauseMs, run);
    } finally {
      run.course.close();
    }
  }

  /** The input that its handler is run with. */
  begin(context: HandlerContext, input: unknown): unknown {
    void context.steps; // they may have to stop a handler that never uses them
    return inputOf(this.#journal, input);
  }

  makeSteps(runner: SkillRunner, context: HandlerContext): Steps {
    this.#runner = runner;
    this.#run = new DurableRun(this.#task, runner, context, this.#journal);
    if (this.#over) this.#run.course.onlyUndo(this.#over);
    return this.#run.steps;
  }

  /** A handler that was left where it stands has no result: its delivery goes as the reason for that says. */
  record(outcome: unknown): Promise<Result> | Result {
    const run = this.#run;
    if (!run) return this.#task.recordOutcome(outcome);
    if (outcome instanceof Suspension) return this.#suspended(run, outcome.to);
    const { course } = run;
    course.ended();
    // Its undoing goes on elsewhere.
    if (isStopping(outcome)) return recordFailure(this.#task, outcome);
    const { undoing } = course;
    const hung = hasCode(outcome, "TIMED_OUT") && outcome !== undoing?.error;
    if (undoing && hung) return this.#suspended(run, this.#later(outcome));
    const refused =
      hasCode(outcome, "INPUT_INVALID") && course.refusedInput(outcome);
    if (refused) return this.#suspended(run, refused);
    const error = course.undoing?.error ?? outcome;
    if (error instanceof TroupeError) return recordFailure(this.#task, error);
    const misfit = course.misfit();
    if (misfit) return this.#suspended(run, misfit);
    const finishing = course.finish();
    if (!finishing) return this.#task.recordOutcome(outcome);
    return finishing.then(() => this.#task.recordOutcome(outcome));
  }

  /** Whether another has gone on with it. Where none has, none can from now on. */
  async isAnothers(): Promise<boolean> {
    const run = this.#run;
    if (!run) return hasGrown(this.#task, this.#journal);
    try {
      await run.course.line.hold();
      return false;
    } catch (error) {
      if (isConflict(error)) return true;
      throw error;
    }
  }

  unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> | undefined {
    return this.#run?.unwind(state, error);
  }

  ownJournal(): Promise<void> | undefined {
    return this.#run?.ownJournal();
  }

  /** Its handler is run for nothing but to undo, for as long as that takes. */
  get isUndoing(): boolean {
    return this.#run?.course.undoing !== undefined;
  }

  close(): void {
    this.#run?.course.close();
  }

  /** It hung before it came to where its journal ends: that may be otherwise the next time. */
  #later(error: TroupeError): Suspended {
    const { link } = this.#task.host;
    link.log.warn(
      { task: this.#task.id, error: error.message },
      "the handler of a task that is to be undone did not come to where its journal ends; it is tried again",
    );
    return { why: "undoing", until: link.clock.now() + hungPauseMs };
  }

  async #suspended(run: DurableRun, to: Suspended): Promise<Result> {
    switch (to.why) {
      case "fenced": // who has it acknowledges it
        this.#task.host.link.log.info(
          { task: this.#task.id },
          to.error.message,
        );
        return "late";
      case "trouble":
        throw to.error;
      case "parked":
        return this.#park(run, to);
      case "undoing":
        return this.#giveBack("it is being undone", to.until);
      case "mismatch":
        return this.#parkMisfit(run, to);
      case "continued":
        this.#journal = await run.continued(to);
        this.#task.past = sinceContinued(this.#task.past);
        // What it was before waits for what it is: that is not to grow for ever.
        if (to.run % runsOfDelivery === 0)
          return this.#giveBack("it continues", 0);
        run.course.close();
        this.#run = undefined;
        return this.#task.attemptWith(this.#runner!);
    }
  }

  /** Its journal says how it goes on; whoever gets it next does that. */
  async #giveBack(why: string, until: number): Promise<Result> {
    await this.#returned(new TroupeError("WORKER_STOPPING", why));
    const now = this.#task.host.link.clock.now();
    return this.#task.giveBack(Math.max(0, until - now));
  }

  /** `isTold` says that the log has why its attempt has ended. */
  async #park(
    run: DurableRun,
    to: Parked,
    isTold = run.hasWritten,
  ): Promise<Result> {
    let isParked: boolean;
    try {
      isParked = await run.park(to);
    } catch (thrown) {
      const error = toTroupeError(thrown);
      if (error.code !== "CONFLICT") throw error;
      return this.#suspended(run, { why: "fenced", error });
    }
    if (!isTold) await this.#returned(waits(to));
    if (!isParked) return this.#task.giveBack(0);
    this.#task.delivery.acknowledgeNow();
    return "parked";
  }

  /** Told once for each version: on the journal, in the history, and to whoever runs this worker. */
  async #parkMisfit(run: DurableRun, to: SuspendedMisfit): Promise<Result> {
    const { host, subject, id, skill } = this.#task;
    const { pauseMs, isNew } = await run.recordMisfit(to);
    if (isNew) {
      await host.recorder.returned(subject, to.error, this.#task.facts());
      host.link.log.warn({ task: id, skill }, to.error.message);
    } else await this.#returned(to.error);
    const { place } = run;
    host.misfits.remember(
      { taskId: id, place, onlyUndoes: this.#onlyUndoes },
      to,
    );
    return this.#leaveFor(pauseMs, run);
  }

  async #leaveFor(pauseMs: number, run: DurableRun): Promise<Result> {
    // What is over is not left asleep: parked, it would come back at once, over and over.
    if (!run.canPark || this.canceled || this.#onlyUndoes)
      return this.#task.giveBack(pauseMs);
    const until = this.#task.host.link.clock.now() + pauseMs;
    const waitsFor = "a version of its handler that fits its journal";
    const parked: Parked = { why: "parked", until, waitsFor, asks: false };
    return this.#park(run, parked, true);
  }

  get #knownMisfit(): SuspendedMisfit | undefined {
    const { entries, last: place } = this.#journal;
    if (!misfitOf(entries)) return undefined;
    const { host, id: taskId } = this.#task;
    return host.misfits.recall({ taskId, place, onlyUndoes: this.#onlyUndoes });
  }

  /** Then it may have children, whatever is on its journal. */
  get #hasSlept(): boolean {
    return this.#task.delivery.headers.parked !== undefined;
  }

  get #onlyUndoes(): boolean {
    return this.#over !== undefined;
  }

  /** An attempt whose start is on the log, and that left nothing on the journal, would be taken for a crash. */
  async #returned(why: TroupeError): Promise<void> {
    const { host, past, subject } = this.#task;
    if (past === firstAttempt) return;
    await host.recorder.returned(subject, why, this.#task.facts());
  }
}

export function isStopping(outcome: unknown): outcome is TroupeError {
  return outcome instanceof TroupeError && outcome.code === "WORKER_STOPPING";
}

/** Whether there is more on the journal of a task than was there when it came. */
export async function hasGrown(
  { host, agent, id: taskId, delivery }: Assignment,
  { last }: Pick<JournalContents, "last">,
): Promise<boolean> {
  const contents = await readJournal(host.link, { agent, taskId });
  const now = ownPart(contents, delivery);
  return now.entries.length > 0 && now.last !== last;
}

function waits({ waitsFor }: Parked): TroupeError {
  return new TroupeError("WORKER_STOPPING", `it waits for ${waitsFor}`);
}
