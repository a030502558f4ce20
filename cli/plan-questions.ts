// What plans ask of people, as those are shown it.
import {
  openQuestions,
  type PlanQuestion,
} from "../protocol/plan/questions.js";
import type { TaskJournal } from "../protocol/task-journal.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import { isTerminal } from "../protocol/task.js";
import { commandLine } from "./command-line.js";
import { runsPlan } from "./input-text.js";
import { shorten } from "./table.js";

/** The command. */
export function answerBy(taskId: string, step: string): string {
  return commandLine`plan answer ${taskId} ${step} yes|no`;
}

/** None for what is no plan, or asks nobody now. */
export function questionsOf(
  task: TaskSummary,
  journal: Pick<TaskJournal, "entries" | "signals">,
): PlanQuestion[] {
  return runsPlan(task) && !isTerminal(task.state)
    ? openQuestions(journal)
    : [];
}

/** What it has asked and goes on from as soon as it has the answer, also where that was given. */
export const asksIn = (
  task: TaskSummary,
  { entries }: Pick<TaskJournal, "entries">,
): PlanQuestion[] => questionsOf(task, { entries, signals: [] });

/** What is asked, what is shown with it, and how to answer. */
export function questionRows(
  taskId: string,
  questions: readonly PlanQuestion[],
): [string, string][] {
  return questions.flatMap(({ step, question, show }) => {
    const shown = show === undefined ? undefined : JSON.stringify(show);
    const rows: [string, string | undefined][] = [
      ["asks", `${step}: ${shorten(question, 1_000)}`],
      ["shows", shown && shorten(shown, 1_000)],
      ["answer by", answerBy(taskId, step)],
    ];
    return rows.filter((row): row is [string, string] => row[1] !== undefined);
  });
}
