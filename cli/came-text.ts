// What was sent to a task that waits for it, as long as nobody has taken it up: until then the task says that it waits.
import { answerTo, type PlanAnswer } from "../protocol/plan/questions.js";
import { defaultLane } from "../protocol/subjects.js";
import { isTerminal } from "../protocol/task.js";
import type { TaskSummary } from "../bus/tasks/task-list.js";
import type { Bus } from "../troupe.js";
import { asksIn } from "./plan-questions.js";
import { awaitedSignals, type Waited } from "./signal-text.js";
import { shorten } from "./table.js";
import { howToServe } from "./worker-hint.js";

interface Arrival {
  name: string;
  at: Date;
  /** To what a plan asks. */
  answer?: PlanAnswer;
}

export interface Arrived {
  arrivals: Arrival[];
  /** There is nothing else that it waits for. */
  isAll: boolean;
  /** "nobody has taken it up yet", and why where none could. */
  why: string;
}

/** Undefined where nothing has come that is not taken up. */
export async function arrivedFor(
  bus: Bus,
  task: TaskSummary,
  journal: Waited,
): Promise<Arrived | undefined> {
  if (isTerminal(task.state)) return undefined;
  const asked = asksIn(task, journal).map(({ step }) => step);
  const awaited = awaitedSignals(journal);
  const arrivals = awaited.flatMap(({ name, came }): Arrival[] => {
    if (!came) return [];
    if (!asked.includes(name)) return [{ name, at: came.at }];
    const answer = answerTo(journal, name);
    return answer ? [{ name, at: came.at, answer }] : [];
  });
  if (arrivals.length === 0) return undefined;
  const isAll = arrivals.length === awaited.length;
  return { arrivals, isAll, why: await whyNotTaken(bus, task) };
}

async function whyNotTaken(
  bus: Bus,
  { agent, lane = defaultLane }: TaskSummary,
): Promise<string> {
  const isTaken = "nobody has taken it up yet";
  const living = await bus.instances(agent);
  return living.some((card) => card.lane === lane)
    ? isTaken
    : `${isTaken}, for no instance of "${agent}" is running (${howToServe(agent)})`;
}

export function arrivalRows({ arrivals, why }: Arrived): [string, string][] {
  return arrivals.map(({ name, answer }) =>
    answer
      ? ["answered", `${name}: ${answerText(answer)}; ${why}`]
      : ["came", `signal "${name}"; ${why}`],
  );
}

export function arrivedText({ arrivals, why }: Arrived): string {
  const each = arrivals.map(({ name, answer }) =>
    answer
      ? `"${name}" was answered ${answerText(answer)}`
      : `signal "${name}" has come`,
  );
  return `${each.join(", ")}; ${why}`;
}

/** "yes, by bob: as agreed" */
function answerText({ approved, by, comment }: PlanAnswer): string {
  const who = by === undefined ? "" : `, by ${shorten(by, 100)}`;
  const why = comment === undefined ? "" : `: ${shorten(comment, 200)}`;
  return `${approved ? "yes" : "no"}${who}${why}`;
}
