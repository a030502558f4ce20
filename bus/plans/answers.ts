// Answers of people to what plans ask. An answer is a signal to the plan's task; what no plan would ever take is
// refused here, for a signal is kept and nobody would tell.
//
// Of two who answer at once, the server refuses the second: each is stored only if no signal of its name has come since
// the journal was read, and is checked again if one has.
import { hasCode, taskUnknown, TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import { isObject } from "../../protocol/plan/outline.js";
import {
  answerTo,
  askProblem,
  isOver,
  openQuestions,
  planAnswer,
  type PlanAnswer,
  type PlanQuestion,
} from "../../protocol/plan/questions.js";
import { parseWith } from "../../protocol/schema.js";
import { orchestratorName, planSkillName } from "../../protocol/subjects.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import { isTerminal } from "../../protocol/task.js";
import type { Link } from "../connection/connection.js";
import { lastSignal, sendSignal } from "../journal/signals.js";
import { readTaskJournal } from "../journal/task-journal.js";
import type { Publisher } from "../streams/publisher.js";
import { findTask } from "../tasks/task-list.js";
import type { Templates } from "./templates.js";

const mostTries = 50;

export class Answers {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #templates: Templates;

  constructor(link: Link, publisher: Publisher, templates: Templates) {
    this.#link = link;
    this.#publisher = publisher;
    this.#templates = templates;
  }

  /** See Plans.questions. */
  async open(taskId: string): Promise<PlanQuestion[]> {
    const journal = await this.#journal(taskId);
    return isEnded(journal) ? [] : openQuestions(journal);
  }

  /** See Plans.answer. */
  async send(
    taskId: string,
    step: string,
    given: PlanAnswer,
    { id }: { id?: string },
  ): Promise<boolean> {
    const what = `the answer to "${step}"`;
    const answer = await parseWith(planAnswer, given, "INPUT_INVALID", what);
    const signal = { name: step, value: answer, id: id ?? newToken() };
    for (let tries = 1; tries <= mostTries; tries++) {
      const stored = await this.#store(taskId, signal);
      // One that nobody else knows the id of is ours, and its acknowledgement got lost.
      if (stored !== undefined) return stored || id === undefined;
    }
    throw new TroupeError(
      "CONFLICT",
      `others sent "${step}" to plan "${taskId}" all the time: try again`,
    );
  }

  /** False where it had been stored; undefined where another has come after this was found to be the first: it may be no answer. */
  async #store(
    taskId: string,
    { id, ...signal }: { name: string; value: PlanAnswer; id: string },
  ): Promise<boolean | undefined> {
    const { name: step } = signal;
    // Read before the journal: what comes after it has been read is refused by the server.
    const task = { agent: orchestratorName, taskId };
    const after = await lastSignal(this.#link, task, step);
    const journal = await this.#journal(taskId);
    const isKnown = journal.signals.some(
      (known) => known.name === step && known.id === id,
    );
    if (isKnown) return false;
    if (!isEnded(journal)) await this.#check(journal, step);
    try {
      const isFirst = await sendSignal(
        this.#link,
        this.#publisher,
        taskId,
        { ...signal, after },
        { agent: orchestratorName, id },
      );
      return isFirst || undefined;
    } catch (error) {
      throw hasCode(error, "TASK_ENDED")
        ? await this.#tooLate(taskId, step)
        : error;
    }
  }

  async #tooLate(taskId: string, step: string): Promise<TroupeError> {
    const journal = await this.#journal(taskId);
    const { state } = journal;
    const first = answerTo(journal, step);
    const answered = first
      ? `; "${step}" had been answered: ${saidIn(first)}`
      : "";
    return new TroupeError(
      "TASK_ENDED",
      `plan "${taskId}" has ended${state === undefined ? "" : ` (${state})`}, and asks nothing any more${answered}`,
    );
  }

  async #check(journal: TaskJournal, step: string): Promise<void> {
    const { taskId, entries } = journal;
    const plan = await this.#planOf(journal);
    const problem = plan && askProblem(plan, step, openQuestions(journal));
    if (problem !== undefined)
      throw refused(
        `plan "${taskId}" asks nothing named "${step}": ${problem}`,
      );
    const first = answerTo(journal, step);
    if (first)
      throw refused(
        `"${step}" of plan "${taskId}" has been answered: ${saidIn(first)}; the first answer counts`,
      );
    if (isOver(entries, step))
      throw refused(
        `plan "${taskId}" waits for "${step}" no more: nobody answered in time`,
      );
  }

  /** Throws TASK_UNKNOWN; ARGUMENT_INVALID for what is no plan. */
  async #journal(taskId: string): Promise<TaskJournal> {
    const task =
      (await findTask(this.#link, taskId, orchestratorName)) ??
      (await findTask(this.#link, taskId));
    if (!task) throw taskUnknown(taskId);
    const { agent, skill } = task;
    if (agent !== orchestratorName || skill !== planSkillName)
      throw refused(
        `task "${taskId}" is no plan, but one of ${agent}.${skill}: send it a signal, by bus.signal or npx troupe signal`,
      );
    return readTaskJournal(this.#link, taskId, agent);
  }

  /** Undefined where it is not known any more what was kept under its name: it may ask anything. */
  async #planOf({
    input,
    entries,
  }: TaskJournal): Promise<Record<string, unknown> | undefined> {
    const { plan } = Object(input) as { plan?: unknown };
    if (isObject(plan)) return plan;
    const prepared = entries.find(
      (entry) => entry.kind === "done" && entry.op === 0,
    );
    const kept = Object(prepared && "value" in prepared && prepared.value) as {
      plan?: unknown;
    };
    if (isObject(kept.plan)) return kept.plan;
    try {
      return (await this.#templates.get(String(plan))).plan;
    } catch (error) {
      if (!hasCode(error, "PLAN_UNKNOWN")) throw error;
      return undefined;
    }
  }
}

const isEnded = ({ state }: TaskJournal): boolean =>
  state !== undefined && isTerminal(state);

function saidIn({ approved, by }: PlanAnswer): string {
  return `${approved ? "yes" : "no"}${by === undefined ? "" : `, by "${by}"`}`;
}

const refused = (message: string) =>
  new TroupeError("ARGUMENT_INVALID", message);
