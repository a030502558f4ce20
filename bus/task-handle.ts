// One task as its submitter, or anyone who knows its id, holds it.
import { formatMs, toMs, type Duration } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import {
  isTerminal,
  type TaskEvent,
  type TaskState,
} from "../protocol/task.js";
import { parseTaskEvent } from "../protocol/task-events.js";
import { cancelTask } from "./cancel.js";
import type { Link } from "./connection.js";
import { headersOf } from "./delivery/delivery.js";
import { eventsOf } from "./history.js";
import { toProgress } from "./live.js";
import type { Outcomes } from "./outcomes.js";
import { Queue } from "./queue.js";
import type { Recorder } from "./recorder.js";
import { defaultWaitMs } from "./submitter.js";
import { findTask } from "./task-list.js";

export interface HandleHost {
  link: Link;
  outcomes: Outcomes;
  recorder: Recorder;
}

export interface WaitFor {
  /** How long to wait. Default 1m for the result, 10m without any event. */
  timeout?: Duration;
}

export class TaskHandle<Output = unknown> {
  readonly id: string;
  /** Not known of a task that was only named by its id. */
  readonly agent: string | undefined;
  /** The server had a task with this id already; this handle is that one's. */
  readonly duplicate: boolean;
  readonly #host: HandleHost;

  constructor(host: HandleHost, id: string, agent?: string, duplicate = false) {
    this.#host = host;
    this.id = id;
    this.agent = agent;
    this.duplicate = duplicate;
  }

  /** The task's output. Throws the error that it failed with, or WAIT_TIMED_OUT; the task itself goes on. */
  result(options: WaitFor = {}): Promise<Output> {
    const timeoutMs = toMs(options.timeout ?? defaultWaitMs, "timeout");
    return new Promise((resolve, reject) => {
      this.#host.outcomes.join({
        taskId: this.id,
        agent: this.agent,
        what: `task "${this.id}"`,
        timeoutMs,
        settle: (error, outcome) => {
          if (error) reject(error);
          else if (outcome?.state === "completed")
            resolve(outcome.output as Output);
          else reject(outcome!.error);
        },
      });
    });
  }

  /**
   * All events of the task, from its first to its last: first what is on the log, then what comes, with no
   * gap and no duplicate; and its live progress while somebody works on it.
   */
  async *events(
    options: WaitFor = {},
  ): AsyncGenerator<TaskEvent, void, undefined> {
    const silenceMs = toMs(options.timeout ?? "10m", "timeout");
    const queue = new Queue<TaskEvent>();
    const stop = this.#listen(queue);
    try {
      const past = await eventsOf(this.#host.link, this.id, this.agent);
      yield* past;
      if (past.some(({ kind }) => isTerminal(kind))) return;
      yield* untilEnd(queue, past.at(-1)?.sequence ?? 0, silenceMs, this.id);
    } finally {
      stop();
    }
  }

  /** True if this canceled it, false if it had ended before. Throws TASK_UNKNOWN. */
  cancel(reason = ""): Promise<boolean> {
    const { link, recorder } = this.#host;
    return cancelTask(link, recorder, this, reason);
  }

  /** Where it stands now. Throws TASK_UNKNOWN. */
  async state(): Promise<TaskState> {
    const found = await findTask(this.#host.link, this.id, this.agent);
    if (found) return found.state;
    throw new TroupeError(
      "TASK_UNKNOWN",
      `there is no task "${this.id}": check the id; the history of old tasks ages out`,
    );
  }

  /** Stored events, live progress, and the end, which is looked for on the log as well. */
  #listen(queue: Queue<TaskEvent>): () => void {
    const { link, outcomes } = this.#host;
    const where = {
      taskId: this.id,
      ...(this.agent === undefined ? {} : { agent: this.agent }),
    };
    const subscriptions = [
      link.listen(link.subjects.storedEventsWhere(where), (msg) =>
        queue.push(parseTaskEvent(msg.subject, headersOf(msg), msg.data)),
      ),
      link.listen(link.subjects.liveOf(where), (msg) =>
        queue.push(toProgress(msg)),
      ),
    ];
    const wait = outcomes.join({
      ...where,
      what: `task "${this.id}"`,
      timeoutMs: Number.POSITIVE_INFINITY,
      settle: (error) => {
        if (error) queue.fail(error);
        else void this.#pushAll(queue);
      },
    });
    return () => {
      outcomes.cancel(wait);
      if (!link.closed)
        for (const subscription of subscriptions) subscription.unsubscribe();
    };
  }

  /** With the end, all that a broken connection may have kept from being heard before it. */
  async #pushAll(queue: Queue<TaskEvent>): Promise<void> {
    try {
      for (const event of await eventsOf(this.#host.link, this.id, this.agent))
        queue.push(event);
    } catch (error) {
      queue.fail(error as TroupeError);
    }
  }
}

/** What comes after the snapshot; what came while that was read is in the queue twice. */
async function* untilEnd(
  queue: Queue<TaskEvent>,
  last: number,
  silenceMs: number,
  taskId: string,
): AsyncGenerator<TaskEvent, void, undefined> {
  for (;;) {
    const event = await queue.next(silenceMs, () => silent(taskId, silenceMs));
    if (event.sequence !== undefined && event.sequence <= last) continue;
    last = event.sequence ?? last;
    yield event;
    if (isTerminal(event.kind)) return;
  }
}

function silent(taskId: string, silenceMs: number): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `task "${taskId}" had no event for ${formatMs(silenceMs)}: see whether a worker for it is running, or wait longer with events({ timeout })`,
  );
}
