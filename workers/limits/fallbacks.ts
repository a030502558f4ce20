// Has another skill do a task: by a durable task of its own, whose id is derived from the first's.
//
// 1. That the task has fallen back is on its history before its fallback is submitted. Whoever gets the task
//    after a crash finds it there, submits the same fallback again, which is one task, and waits for its end: it
//    runs once, and the first skill's handler does not run beside it.
// 2. While a task waits for its fallback its delivery is kept alive, and it has no slot.
// 3. A skill that is among those that a task has fallen back from is not fallen back to.
// 4. Who meets a need is found once: from then on the history says who it is.
import { firstAttempt } from "../../bus/delivery/recall.js";
import type { Outcomes } from "../../bus/tasks/outcomes.js";
import type { Router } from "../../bus/routing/router.js";
import type { Submitter } from "../../bus/tasks/submitter.js";
import type { Names } from "../../bus/tasks/target.js";
import { fallbackId } from "../../protocol/derived-ids.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { describeNeed } from "../../protocol/need.js";
import type { TaskEvent } from "../../protocol/task.js";
import type { Outcome } from "../../protocol/outcome.js";
import { depthOf } from "../../protocol/task-message.js";
import { encodeToken } from "../../protocol/tokens.js";
import type { Assignment, Fallback, FallbackPlace } from "../assignment.js";
import type { Slots } from "./gate.js";
import type { FallbackTo } from "./options.js";

/** More than so many keep their slots while they wait, and so slow down what comes. */
const maxWithoutSlot = 256;

interface Waiting {
  readonly stop: (error: TroupeError) => void;
  /** It cannot be canceled before it is there. */
  readonly submitted: Promise<unknown>;
}

export class Fallbacks implements Fallback {
  readonly #submitter: Submitter;
  readonly #router: Router;
  readonly #outcomes: Outcomes;
  readonly #slots: Slots;
  readonly #waiting = new Map<string, Waiting>();
  #stopped: TroupeError | undefined;

  constructor(
    submitter: Submitter,
    router: Router,
    outcomes: Outcomes,
    slots: Slots,
  ) {
    this.#submitter = submitter;
    this.#router = router;
    this.#outcomes = outcomes;
    this.#slots = slots;
  }

  /** Where the task may fall back to, or has; undefined where to nowhere, which the log of the process says. */
  async placeFor(
    task: Assignment,
    input: unknown,
  ): Promise<FallbackPlace | undefined> {
    const before = begun(task.past.events)?.fallback;
    if (before) return before; // whatever this version would do
    const to = fallbackOf(task);
    if (!to) return undefined;
    try {
      const place = await this.#find(task, to);
      if (place) await this.#submitter.drafting.check(place, input);
      return place;
    } catch (error) {
      task.host.link.log.warn(
        { task: task.id, fallback: describe(to), error: messageOf(error) },
        "the fallback of a task cannot take it",
      );
      return undefined;
    }
  }

  async #find(
    task: Assignment,
    to: FallbackTo,
  ): Promise<FallbackPlace | undefined> {
    const past = trail(task);
    const except = (names: Names) => past.includes(tokenOf(names));
    if ("names" in to) return except(to.names) ? undefined : to.names;
    const { context, key } = task;
    return this.#router.place(to.need, { context, key, except });
  }

  /** How its fallback ended. Throws WORKER_STOPPING or TASK_CANCELED when that is no longer waited for. */
  async outcome(
    task: Assignment,
    to: FallbackPlace,
    input: unknown,
    why: TroupeError,
  ): Promise<Outcome> {
    const id = fallbackId(task.subject);
    if (!begun(task.past.events)) {
      const { agent, skill, lane } = to;
      const where = { agent, skill, ...(lane === undefined ? {} : { lane }) };
      await task.host.recorder.fellBack(
        task.subject,
        { error: why, fallback: { ...where, taskId: id } },
        task.facts(),
      );
    }
    const isKept = this.#waiting.size >= maxWithoutSlot;
    if (!isKept && !task.slotless) {
      task.slotless = true;
      this.#slots.release();
    }
    return this.#untilEnd(task, { id, ...to }, input);
  }

  async #untilEnd(
    task: Assignment,
    to: FallbackPlace & { id: string },
    input: unknown,
  ): Promise<Outcome> {
    if (this.#stopped) throw this.#stopped;
    // Nobody waited yet who could have been told.
    if (task.host.canceled.has(task.id)) throw canceled(task);
    const submitted = this.#submit(task, to, input);
    const stopped = new Promise<never>((_, reject) =>
      this.#waiting.set(task.id, { stop: reject, submitted }),
    );
    try {
      return await Promise.race([this.#end(task, to, submitted), stopped]);
    } finally {
      this.#waiting.delete(task.id);
    }
  }

  /** Undefined where it was. */
  async #submit(
    task: Assignment,
    to: FallbackPlace & { id: string },
    input: unknown,
  ): Promise<TroupeError | undefined> {
    const { level, context } = task;
    const leftMs = task.deadlineInMs();
    const depth = depthOf(task.delivery.headers);
    try {
      await this.#submitter.submit(nameOf(to), input, {
        id: to.id,
        ...(depth === 0 ? {} : { depth }),
        priority: level,
        fallbackOf: trail(task).join(","),
        ...(to.lane === undefined ? {} : { lane: to.lane }),
        ...(to.route === undefined ? {} : { route: to.route }),
        ...(context === undefined ? {} : { context }),
        ...(Number.isFinite(leftMs) ? { deadline: Math.max(0, leftMs) } : {}),
      });
      return undefined;
    } catch (error) {
      return error as TroupeError;
    }
  }

  /** Throws what keeps it from being submitted or heard of: then the delivery goes back, and the next one asks again. */
  async #end(
    task: Assignment,
    to: FallbackPlace & { id: string },
    submitted: Promise<TroupeError | undefined>,
  ): Promise<Outcome> {
    const error = await submitted;
    if (error) {
      if (error.retryable || error.code === "CONNECTION_CLOSED") throw error;
      return { state: "failed", error }; // it can never be submitted
    }
    return new Promise((resolve, reject) => {
      this.#outcomes.join({
        taskId: to.id,
        agent: to.agent,
        what: `the fallback of task "${task.id}"`,
        timeoutMs: Number.POSITIVE_INFINITY,
        settle: (failure, outcome) =>
          outcome ? resolve(outcome) : reject(failure!),
      });
    });
  }

  /** The task was canceled: so is its fallback, by whoever ends it. */
  cancel({ id }: Assignment, error: TroupeError): void {
    const waiting = this.#waiting.get(id);
    void waiting?.submitted.then(() => waiting.stop(error));
  }

  /** Who waits goes back to the others, and they wait on. */
  stop(error: TroupeError): void {
    this.#stopped = error;
    for (const { stop } of this.#waiting.values()) stop(error);
  }
}

function canceled({ id }: Assignment): TroupeError {
  return new TroupeError("TASK_CANCELED", `task "${id}" was canceled`);
}

function fallbackOf({ host, skill }: Assignment): FallbackTo | undefined {
  return host.runners.get(skill)?.limits?.fallback;
}

/** The event that says that a task has fallen back, if it has. */
function begun(events: readonly TaskEvent[]): TaskEvent | undefined {
  return events.find(({ kind }) => kind === "fallback");
}

/** Whether an earlier delivery of the task has fallen back, whatever this version would do. */
export function hasFallenBack({ past }: Assignment): boolean {
  return past !== firstAttempt && begun(past.events) !== undefined;
}

export function whyFallenBack({ past, id }: Assignment): TroupeError {
  const why = begun(past.events)?.error;
  if (why) return why;
  return new TroupeError("HANDLER_FAILED", `task "${id}" has fallen back`);
}

function nameOf({ agent, skill }: Names): string {
  return `${agent}.${skill}`;
}

function describe(to: FallbackTo): string {
  return "names" in to ? nameOf(to.names) : describeNeed(to.need);
}

function tokenOf({ agent, skill }: Names): string {
  return `${encodeToken(agent)}.${encodeToken(skill)}`;
}

/** All skills that the task has fallen back from, with its own. */
function trail(task: Assignment): string[] {
  const before = task.delivery.headers.fallbackOf?.split(",") ?? [];
  return [...before, tokenOf(task)];
}
