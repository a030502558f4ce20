// How far a plan is and what it asks, for who waits for it at a terminal.
//
// What a plan tells while it runs is heard only by who listens just then; a question must not depend on that. So the
// questions are also looked for where they stand, once we listen, and now and then after that: it may have asked
// before, in an earlier run of this command, or while the connection was away.
import { setTimeout as pause } from "node:timers/promises";
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import type { Duration } from "../protocol/duration.js";
import { messageOf } from "../protocol/errors.js";
import type { PlanQuestion } from "../protocol/plan/questions.js";
import type { TaskEvent } from "../protocol/task.js";
import type { Bus } from "../troupe.js";
import { answerBy } from "./plan-questions.js";
import { shorten } from "./table.js";
import type { Call } from "./verb.js";

/** What is told live comes first, and says more. */
const firstLookMs = 300;
const lookEveryMs = 5_000;

/** Tells what happens until the plan has ended, each thing once. Throws WAIT_TIMED_OUT when nothing happens any more. */
export async function tellHowFar(
  call: Call,
  bus: Bus,
  task: TaskHandle,
  timeout: Duration,
): Promise<void> {
  const teller = new Teller(call, task.id);
  const over = new AbortController();
  const looking = lookForQuestions(bus, teller, over.signal);
  try {
    for await (const event of task.events({ timeout })) {
      teller.event(event);
      if (call.output.json && isQuestion(event))
        await look(bus, teller, over.signal);
    }
  } finally {
    over.abort();
    await looking;
  }
}

async function lookForQuestions(
  bus: Bus,
  teller: Teller,
  signal: AbortSignal,
): Promise<void> {
  for (let ms = firstLookMs; await passes(ms, signal); ms = lookEveryMs)
    await look(bus, teller, signal);
}

async function look(
  bus: Bus,
  teller: Teller,
  signal: AbortSignal,
): Promise<void> {
  try {
    const open = await bus.plans.questions(teller.taskId);
    for (const question of open) teller.question(question);
  } catch (error) {
    if (!signal.aborted) teller.trouble(messageOf(error));
  }
}

/** False when it was called off before. */
const passes = (ms: number, signal: AbortSignal): Promise<boolean> =>
  pause(ms, true, { signal }).catch(() => false);

class Teller {
  readonly taskId: string;
  readonly #call: Call;
  /** Whoever goes on with a plan goes through it from its beginning, and tells of that again. */
  readonly #told = new Set<string>();

  constructor(call: Call, taskId: string) {
    this.#call = call;
    this.taskId = taskId;
  }

  /** For programs only questions are told, each as a whole. */
  event(event: TaskEvent): void {
    const { progress } = event;
    if (progress === undefined || this.#call.output.json) return;
    const { message = "", progress: done, total = 0, data } = progress;
    const { step = "" } = Object(data) as { step?: string };
    const asks = isQuestion(event);
    const what = asks ? asked(step) : JSON.stringify(data ?? message);
    if (this.#isTold(what)) return;
    this.#call.output.note(`${done}/${total}  ${shorten(message, 1_000)}`);
    if (asks) this.#sayHowToAnswer(step);
  }

  question({ step, question, show }: PlanQuestion): void {
    if (this.#isTold(asked(step))) return;
    const { taskId } = this;
    if (this.#call.output.json)
      return this.#call.output.object({ taskId, asks: step, question, show });
    this.#call.output.note(`asks ${step}: ${shorten(question, 1_000)}`);
    this.#sayHowToAnswer(step);
  }

  trouble(message: string): void {
    if (!this.#isTold(message))
      this.#call.output.note(`its questions cannot be read now: ${message}`);
  }

  #sayHowToAnswer(step: string): void {
    const command = answerBy(this.taskId, step);
    this.#call.output.note(`      answer by: ${command}`);
  }

  #isTold(what: string): boolean {
    if (this.#told.has(what)) return true;
    this.#told.add(what);
    return false;
  }
}

function isQuestion({ progress }: TaskEvent): boolean {
  const { step, state } = Object(progress?.data) as Record<string, unknown>;
  return state === "waiting" && typeof step === "string";
}

const asked = (step: string): string => `asks ${step}`;
