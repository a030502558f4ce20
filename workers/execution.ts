// One delivery of a task, from its arrival to its acknowledgement:
//   recall → prepare → handle → record → acknowledge.
//
// 1. R3: `acknowledge` comes only after what the delivery caused is on the log. If the log cannot be written,
//    the delivery goes back, and the next one finds what is there.
// 2. R2: the recorder stores a terminal event only as the first. A later one is dropped here and counted.
// 3. R7: what cannot be parsed fails like anything else (workers/failure.ts).
// 4. A first delivery reads nothing and waits once, for its terminal event to be stored.
import { emptyJournal } from "../bus/journal/journal.js";
import { firstAttempt, type Recollection } from "../bus/delivery/recall.js";
import {
  contextFrom,
  endSpan,
  startSpan,
  within,
} from "../bus/connection/trace.js";
import {
  isConflict,
  messageOf,
  TroupeError,
  type ErrorCode,
} from "../protocol/errors.js";
import type { EndState } from "../protocol/task.js";
import type { Result } from "./assignment.js";
import { DeliveredTask } from "./delivered-task.js";
import { finishBurial, recordBarred, recordFailure } from "./failure.js";
import { hasFallenBack, whyFallenBack } from "./limits/fallbacks.js";
import type { Entrant } from "./limits/entrant.js";
import type { Leave, Verdict } from "./limits/policy.js";
import { verdictOf } from "./limits/verdict.js";
import { prepare, type Preparable } from "./preparation.js";
import { recall } from "./recalling.js";
import { perform, type SkillRunner } from "./skill-runner.js";
import { HandlerContext, type ContextHost } from "./task-context.js";
import type { Steps } from "./steps/steps.js";
import { Suspension } from "./steps/suspension.js";
import { Workflow } from "./steps/workflow.js";
import { Tenure } from "./tenure.js";
import type { KeptAlive } from "./watch.js";

const troubleDelayMs = 1_000;
/** Its workers died of it: then nothing of it is run any more, canceled or not. */
const lost: ErrorCode = "WORKER_LOST";

export class Execution
  extends DeliveredTask
  implements Preparable, KeptAlive, ContextHost, Entrant
{
  keepAliveAt = 0;
  wasSilent = false;
  keptAs = -1;
  slotless = false;
  isUntouched = false;
  #recalling: Promise<Recollection> | undefined;
  leave: Leave | undefined;
  barred: TroupeError | undefined;
  #context: HandlerContext | undefined;
  #runner: SkillRunner | undefined;
  /** Once its handler has used a durable operation, or did in an earlier attempt. */
  #workflow: Workflow | undefined;
  #rests = false;
  readonly #tenure = new Tenure(this);
  /** Its handler has come to its end. */
  #isOver = false;
  /** How long its handler took: neither the wait for it nor what was recorded then. Undefined where none ran. */
  handledMs: number | undefined;
  #canceled: TroupeError | undefined;
  /** Why it was buried, by a worker that died before it could store the end. */
  protected death: TroupeError | undefined;

  async run(): Promise<Result> {
    this.host.watch.keep(this);
    try {
      const { limits } = this.host;
      // Of what is canceled nothing is done any more but its undos.
      if (limits === undefined || this.host.canceled.has(this.id))
        return await this.work();
      const awayMs = await limits.admit(this);
      // Or it was canceled at the gate.
      if (awayMs !== undefined && !this.host.canceled.has(this.id))
        return this.giveBack(awayMs);
      return await this.work();
    } catch (trouble) {
      if (this.hasJournal && isConflict(trouble)) return this.#tenure.leave();
      this.host.logFailed(trouble);
      this.host.link.log.warn(
        { task: this.id, error: messageOf(trouble) },
        "the log could not be read or written; the task goes back",
      );
      await this.#returned(trouble);
      return this.giveBack(troubleDelayMs);
    } finally {
      if (this.leave !== undefined) this.#leaveGate("unused");
      this.#workflow?.close();
      this.host.watch.release(this);
    }
  }

  /** Its worker has not died of it: where its start is on the log, that is to be seen there. */
  async #returned(trouble: unknown): Promise<void> {
    const { recorder, link } = this.host;
    if (this.past === firstAttempt || !link.connected) return;
    const why = new TroupeError("WORKER_STOPPING", messageOf(trouble));
    await recorder
      .returned(this.subject, why, this.facts())
      .catch((error: unknown) => this.host.logFailed(error));
  }

  // As long as nothing is to be waited for but its end, no promise is made for it.

  protected work(): Promise<Result> | Result {
    return this.mayBeKnown() ? this.#workAgain() : this.begin(prepare(this));
  }

  async #workAgain(): Promise<Result> {
    if (!(await this.recall()).ended) return this.begin(prepare(this));
    await this.host.recorder.tellAgain(this.subject);
    return this.acknowledge("late");
  }

  protected begin(runner: SkillRunner | TroupeError): Promise<Result> | Result {
    if (this.death) return finishBurial(this, this.death);
    const isLost = runner instanceof TroupeError && runner.code === lost;
    const over = isLost ? runner : (this.#workflow?.canceled ?? runner);
    if (over instanceof TroupeError) return this.#endBefore(over);
    if (runner instanceof TroupeError) return recordFailure(this, runner);
    if (this.barred !== undefined || hasFallenBack(this))
      return recordBarred(this, this.barred ?? whyFallenBack(this));
    return this.past === firstAttempt
      ? this.attemptWith(runner)
      : this.#attemptAgain(runner);
  }

  async #attemptAgain(runner: SkillRunner): Promise<Result> {
    if (this.#workflow?.isKnownMisfit === true)
      return this.#workflow.leaveMisfit(runner, new HandlerContext(this, this));
    const { recorder } = this.host;
    const started = await recorder.started(this.subject, this.facts());
    this.#tenure.knows(started.sequence);
    return this.attemptWith(runner);
  }

  /** It is over before its handler runs; which does run where it has done something that may have to be undone. */
  #endBefore(error: TroupeError): Promise<Result> | Result {
    // All was undone before it fell back.
    const isUndone = hasFallenBack(this);
    const runner = isUndone ? undefined : this.#workflow?.runnerToUndo(error);
    if (!runner) return recordFailure(this, error);
    return this.#attemptAgain(runner);
  }

  attemptWith(runner: SkillRunner): Promise<Result> | Result {
    const outcome = this.#handle(runner);
    if (!(outcome instanceof Promise)) return this.record(outcome);
    return outcome.then((settled) => this.record(settled));
  }

  cancel(error: TroupeError): void {
    this.#canceled = error;
    this.host.fallbacks.cancel(this, error);
    this.#context?.stop(error);
  }

  /** It does nothing but wait, which another instance can do as well. */
  leaveRest(why: TroupeError): void {
    if (this.#rests) this.#context?.stop(why);
  }

  rest(rests: boolean): void {
    const { slots } = this.host;
    this.#rests = rests;
    if (this.slotless === rests) return;
    this.slotless = rests;
    if (rests) slots.release();
    else slots.take();
  }

  unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> | undefined {
    return this.#workflow?.unwind(state, error);
  }

  suspended(why: Suspension): Promise<Result> | Result {
    return this.#workflow!.record(why);
  }

  get isInDoubt(): boolean {
    return this.#tenure.isInDoubt;
  }

  get hasJournal(): boolean {
    return this.#workflow?.hasBegun === true;
  }

  ownJournal(): Promise<void> | undefined {
    return this.#workflow?.ownJournal();
  }

  mayBeKnown(): boolean {
    const { mayBeForgotten, mayBeKnown } = this.delivery;
    const isKnown = this.isUntouched ? mayBeForgotten : mayBeKnown;
    return isKnown || this.host.canceled.has(this.id);
  }

  /** What is limited is the work, not the writing of its end. */
  #leaveGate(verdict: Verdict): void {
    this.leave!(verdict);
    this.leave = undefined;
  }

  recallAhead(): void {
    if (!this.mayBeKnown()) return;
    this.#recalling = this.#recallNow();
    this.#recalling.catch(() => undefined); // who needs it hears of it
  }

  protected recall(): Promise<Recollection> {
    return this.#recalling ?? this.#recallNow();
  }

  async #recallNow(): Promise<Recollection> {
    const { host, delivery, id } = this;
    const recalled = await recall(host.link, delivery, host.agent, id);
    this.past = recalled.past;
    this.#tenure.knows(this.past.events.at(-1)?.sequence ?? 0);
    if (recalled.journal !== emptyJournal)
      this.#workflow = new Workflow(this, recalled.journal);
    this.death = recalled.death;
    return this.past;
  }

  /** Never throws, and needs no promise for a handler that returns none. */
  #handle(runner: SkillRunner): unknown {
    const canceled = this.#canceled;
    // Canceled since its journal was read: what it did before is undone all the same.
    if (canceled && !this.#workflow?.runnerToUndo(canceled)) return canceled;
    this.begunAt = performance.now();
    const parent = contextFrom(this.delivery.headers);
    const deliver = startSpan("deliver", this.names, parent);
    if (!deliver) return this.perform(runner);
    return within(deliver, parent, async () => {
      const handle = startSpan("handle", this.names);
      const outcome = await within(handle, parent, () => this.perform(runner));
      const error = outcome instanceof TroupeError ? outcome : undefined;
      endSpan(handle, error);
      endSpan(deliver, error);
      return outcome;
    });
  }

  protected perform(runner: SkillRunner): unknown {
    const context = new HandlerContext(this, this);
    this.#isOver = false;
    this.#context = context;
    this.#runner = runner;
    const input = this.#workflow
      ? this.#workflow.begin(context, this.input)
      : this.input;
    const { watch } = this.host;
    // It only comes to where its journal ends, which its deadline is not to keep it from.
    if (this.#workflow?.isUndoing === true)
      return perform(runner, watch, context, input);
    return perform(runner, watch, context, input, this.deadlineInMs());
  }

  makeSteps(context: HandlerContext): Steps {
    // A handler that goes on after its end does nothing durable any more.
    const workflow = this.#isOver ? undefined : this.#workflow;
    const own = workflow ?? new Workflow(this, emptyJournal);
    const steps = own.makeSteps(this.#runner!, context);
    if (this.#isOver) steps.course.close();
    else this.#workflow = own;
    return steps;
  }

  protected record(outcome: unknown): Promise<Result> | Result {
    this.#isOver = true;
    if (this.begunAt > 0) this.handledMs = performance.now() - this.begunAt;
    if (this.leave !== undefined) this.#leaveGate(verdictOf(outcome));
    // What is left where it stands is looked at by who leaves it.
    return this.isInDoubt && !(outcome instanceof Suspension)
      ? this.#recordIfMine(outcome)
      : this.#recordNow(outcome);
  }

  #recordNow(outcome: unknown): Promise<Result> | Result {
    if (!this.#workflow) return this.recordOutcome(outcome);
    if (this.hasJournal) this.#tenure.fenceEnd();
    return this.#workflow.record(outcome);
  }

  async #recordIfMine(outcome: unknown): Promise<Result> {
    const isLost = await this.#tenure.isLost(this.#workflow);
    return isLost ? this.#tenure.leave() : this.#recordNow(outcome);
  }

  recordOutcome(outcome: unknown): Promise<Result> | Result {
    if (outcome instanceof TroupeError) return recordFailure(this, outcome);
    return this.host.recorder
      .completed(this.subject, outcome, this.facts())
      .then(
        (first) => this.settle(first ? "completed" : "late"),
        (error: TroupeError) => {
          if (
            error.code === "PAYLOAD_TOO_LARGE" ||
            error.code === "OUTPUT_INVALID"
          )
            return recordFailure(this, error);
          throw error;
        },
      );
  }

  /** Its end is on the log. */
  protected settle(result: Result): Promise<Result> | Result {
    return this.acknowledge(result);
  }

  /** Before it ends otherwise than by its output. */
  ending(_state: string, _error: TroupeError): Promise<void> | undefined {
    return undefined;
  }
}
