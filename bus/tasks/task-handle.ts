// One task as its submitter, or anyone who knows its id, holds it.
import { formatMs, toMs, type Duration } from "../../protocol/duration.js";
import { taskUnknown, TroupeError } from "../../protocol/errors.js";
import {
  isTerminal,
  type TaskEvent,
  type TaskState,
} from "../../protocol/task.js";
import { cancelTask, type CancelOptions } from "./cancel.js";
import type { Link } from "../connection/connection.js";
import { toProgress } from "../history/live.js";
import { settling, type Outcomes } from "./outcomes.js";
import { Queue } from "../history/queue.js";
import { sendSignal } from "../journal/signals.js";
import type { Publisher } from "../streams/publisher.js";
import type { Recorder } from "./recorder.js";
import { defaultWaitMs } from "./submit-options.js";
import { findTask } from "./task-list.js";
import { TaskTail } from "./task-tail.js";

export interface HandleHost {
  link: Link;
  outcomes: Outcomes;
  publisher: Publisher;
  recorder: Recorder;
}

/** What is known of it beside its id. */
export interface Known {
  agent?: string;
  duplicate?: boolean;
  own?: boolean;
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
  /** This connection is told of its end. */
  readonly #own: boolean;

  constructor(host: HandleHost, id: string, known: Known = {}) {
    this.#host = host;
    this.id = id;
    this.agent = known.agent;
    this.duplicate = known.duplicate ?? false;
    this.#own = known.own ?? false;
  }

  /** The task's output. Throws the error that it failed with, or WAIT_TIMED_OUT; the task itself goes on. */
  result({ timeout = defaultWaitMs }: WaitFor = {}): Promise<Output> {
    const timeoutMs = toMs(timeout, "timeout");
    const { outcomes } = this.#host;
    return new Promise((resolve, reject) => {
      const wait = {
        taskId: this.id,
        agent: this.agent,
        what: `task "${this.id}"`,
        timeoutMs,
        settle: settling(resolve, reject),
      };
      if (this.#own) outcomes.joinOwn(wait);
      else outcomes.join(wait);
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
    const stop = await this.#follow(queue);
    try {
      for (;;) {
        const event = await queue.nextWithin(silenceMs, () =>
          silent(this.id, silenceMs),
        );
        yield event;
        if (isTerminal(event.kind)) return;
      }
    } finally {
      stop();
    }
  }

  /**
   * Sends it a value that its handler waits for, or will: `await task.waitFor(name)`. Sent twice with one id it counts
   * once: false says that it had been sent. Throws TASK_UNKNOWN, TASK_ENDED.
   */
  signal(
    name: string,
    value?: unknown,
    options: { id?: string } = {},
  ): Promise<boolean> {
    const { link, publisher } = this.#host;
    return sendSignal(
      link,
      publisher,
      this.id,
      { name, value },
      {
        ...options,
        ...(this.agent === undefined ? {} : { agent: this.agent }),
      },
    );
  }

  /**
   * True if this canceled it, false if it had ended before. One with durable steps ends when they are undone; with
   * `{ undo: false }` at once, as `failed` with a dead letter that says what stands. Throws TASK_UNKNOWN.
   */
  cancel(reason = "", options: CancelOptions = {}): Promise<boolean> {
    return cancelTask(this.#host, this, reason, options);
  }

  /** Where it stands now. Throws TASK_UNKNOWN. */
  async state(): Promise<TaskState> {
    const found = await findTask(this.#host.link, this.id, this.agent);
    if (found) return found.state;
    throw taskUnknown(this.id);
  }

  /** What is on the log, then what comes to it, live progress, and the end, which is looked for as well. */
  async #follow(queue: Queue<TaskEvent>): Promise<() => void> {
    const { link, outcomes } = this.#host;
    const where = { taskId: this.id, agent: this.agent };
    let early: TaskEvent[] | undefined = [];
    const tail = new TaskTail(link, where, (event) => queue.push(event));
    const hearNoMore = link.hear(link.subjects.liveOf(where), (msg) =>
      (early ?? queue).push(toProgress(msg)),
    );
    const wait = outcomes.join({
      ...where,
      what: `task "${this.id}"`,
      timeoutMs: Number.POSITIVE_INFINITY,
      settle: (error) => {
        if (error) queue.fail(error);
        else tail.read().catch((trouble: TroupeError) => queue.fail(trouble));
      },
    });
    const stop = (): void => {
      outcomes.cancel(wait);
      tail.stop();
      hearNoMore();
    };
    try {
      await tail.read();
      for (const progress of early) queue.push(progress);
      early = undefined;
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }
}

function silent(taskId: string, silenceMs: number): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `task "${taskId}" had no event for ${formatMs(silenceMs)}: see whether a worker for it is running, or wait longer with events({ timeout })`,
  );
}
