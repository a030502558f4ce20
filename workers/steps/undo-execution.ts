// A task that has ended, and is delivered once more to go on undoing it as somebody has ordered
// (bus/tasks/undo-orders.ts). Its handler is run only to have its undos at hand.
//
// 1. Nothing of its end changes (R2): what is left of it is its dead letter, which goes when all is undone, and is
//    brought up to date when something still stands.
// 2. R3: its message is acknowledged after that. Who dies before leaves a redelivery, which finds on the journal what
//    is undone and what has failed for good since the order, and runs neither again.
// 3. A letter is replaced only as it was when the undoing began: who was held up, and has been fenced off, changes
//    nothing of what another has written.
import { deathOf, eventsOf } from "../../bus/history/history.js";
import {
  inputOf,
  readJournal,
  type JournalContents,
} from "../../bus/journal/journal.js";
import { isOf, usedAgain } from "../../bus/tasks/undo-orders.js";
import { tryToRemove } from "../../bus/streams/removal.js";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import type { EndState } from "../../protocol/task.js";
import { undoStateOf } from "../../protocol/undo-state.js";
import type { Result } from "../assignment.js";
import { deadLetterOf } from "../dead-letter.js";
import { Execution } from "../execution.js";
import { prepare } from "../preparation.js";
import { perform, type SkillRunner } from "../skill-runner.js";
import { HandlerContext } from "../task-context.js";
import { DurableRun } from "./durable-run.js";
import type { Steps } from "./steps.js";
import { Suspension, type Suspended } from "./suspension.js";
import { isStopping } from "./workflow.js";

const canGo = "all is undone now, and this letter can be purged";

type Letter = NonNullable<Awaited<ReturnType<typeof deathOf>>>;

export class UndoExecution extends Execution {
  #made: ((context: HandlerContext) => Steps) | undefined;

  protected override async work(): Promise<Result> {
    const { id, agent } = this;
    const { link } = this.host;
    // Who stored its end may have died before they could tell.
    await this.host.recorder.tellAgain(this.subject);
    const [journal, letter] = await Promise.all([
      readJournal(link, { agent, taskId: id }),
      deathOf(link, id, agent),
    ]);
    const left = await this.#undo(journal, letter);
    if (left instanceof Suspension) return this.#leave(left.to);
    if (left) await this.#replace(letter, left);
    else if (letter) await this.#remove(letter);
    return this.acknowledge("failed");
  }

  override makeSteps(context: HandlerContext): Steps {
    return this.#made!(context);
  }

  /** Resolves with what its letter is to say; undefined when nothing stands. */
  async #undo(
    journal: JournalContents,
    letter: Letter | undefined,
  ): Promise<TroupeError | Suspension | undefined> {
    if (letter && !isOf(journal.entries, letter.at))
      return notUndone(letter.error, usedAgain(this.names));
    const { why, isResolved } = undoStateOf(journal.entries);
    const error = why?.error ?? letter?.error;
    if (isResolved || !error) return undefined;
    const runner = prepare(this);
    const lost = this.#lostOften(journal, runner);
    if (lost) return notUndone(error, lost);
    const left = await this.#run(
      runner as SkillRunner,
      journal,
      why?.state ?? "failed",
      error,
    );
    if (left instanceof Suspension)
      return left.to.why === "mismatch"
        ? notUndone(error, left.to.error)
        : left;
    return left.code === "UNDO_FAILED" ? left : undefined;
  }

  async #run(
    runner: SkillRunner,
    journal: JournalContents,
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> {
    const context = new HandlerContext(this, this);
    const run = new DurableRun(this, runner, context, journal);
    this.#made = () => run.steps;
    run.course.onlyUndo(error);
    try {
      const outcome = await perform(
        runner,
        this.host.watch,
        context,
        inputOf(journal, this.parsed!.input),
      );
      if (outcome instanceof Suspension) return outcome;
      if (isStopping(outcome))
        return new Suspension({ why: "undoing", until: 0 });
      return await run.unwind(state, error);
    } finally {
      run.course.close();
    }
  }

  #leave(to: Suspended): Result {
    switch (to.why) {
      case "undoing":
        return this.giveBack(
          Math.max(0, to.until - this.host.link.clock.now()),
        );
      case "fenced":
        this.host.link.log.info({ task: this.id }, to.error.message);
        return "late";
      case "trouble":
        throw to.error;
      case "mismatch":
      case "parked":
      case "continued": // a handler that only undoes does none of it
        return this.giveBack(0);
    }
  }

  /** Deliveries that left no word on the journal: their worker died of it, as often as it may. */
  #lostOften(
    { entries }: JournalContents,
    runner: SkillRunner | TroupeError,
  ): TroupeError | undefined {
    if (runner instanceof TroupeError) return runner;
    const ordered = entries.findLastIndex(
      ({ kind }) => kind === "undo-retry" || kind === "undo-skipped",
    );
    const words = entries
      .slice(ordered + 1)
      .filter(({ kind }) => kind === "undone" || kind === "undo-failed");
    const lost = this.delivery.count - 1 - words.length;
    if (lost < runner.rules.crashes) return undefined;
    return new TroupeError(
      "WORKER_LOST",
      `the worker of ${this.agent}.${this.skill} died or vanished ${lost} times while it undid task "${this.id}"`,
    );
  }

  async #replace(
    letter: Letter | undefined,
    error: TroupeError,
  ): Promise<void> {
    const { host, agent, id } = this;
    const events = await eventsOf(host.link, id, agent);
    const attempt = letter?.attempt ?? 1;
    const replaces = letter?.sequence ?? 0;
    const contents = deadLetterOf(this, error, { attempt, events });
    try {
      await host.recorder.dead({ ...contents, replaces });
    } catch (thrown) {
      if (!isConflict(thrown)) throw thrown;
      host.link.log.warn(
        { task: id, error: error.message },
        "the dead letter of a task that still stands was changed or removed by another",
      );
    }
  }

  /** Who may not remove it says in it that it can go. */
  async #remove(letter: Letter): Promise<void> {
    const { link } = this.host;
    const { sequence } = letter;
    const { dead: stream } = link.subjects.streams;
    if (await tryToRemove(link, { stream, sequence })) return;
    const { message } = letter.error;
    if (message.startsWith(canGo)) return;
    const done = new TroupeError("UNDO_FAILED", `${canGo}: ${message}`);
    await this.#replace(letter, done);
  }
}

function notUndone(why: TroupeError, cause: TroupeError): TroupeError {
  return new TroupeError(
    "UNDO_FAILED",
    `${why.message}; and it could not be undone further: ${cause.message}`,
    { cause },
  );
}
