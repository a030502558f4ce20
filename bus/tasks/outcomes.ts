// Waiting for tasks to end. What settles a wait is on the log: a terminal event that was refused, because another
// was first, settles none (R2).
// One subscription hears of the ends of all tasks that this connection submitted, told by who stored them
// (bus/tasks/end-notices.ts). A task of another gets a subscription to its terminal event, which is heard before it is
// stored, and so is only a reason to look at the log.
//
// 1. A wait begins before the task is published, or checks the log after it has subscribed: snapshot, then
//    tail, so that no end falls into a gap.
// 2. A core subscription may miss messages (a broken connection, a slow reader). So each wait also looks at
//    the log now and then, and after every reconnect.
// 3. Every wait has a deadline, and says what it waited for (R9).
import { formatMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { parseTaskEventSubject } from "../../protocol/addresses.js";
import {
  parseOutcome,
  toOutcome,
  type Outcome,
} from "../../protocol/outcome.js";
import type { Link } from "../connection/connection.js";
import { endOf } from "../history/history.js";
import type { StoredMessage } from "../history/stored.js";
import { SlotMap } from "../streams/slots.js";
import { ToldEnds } from "./told-ends.js";

export interface WaitOptions {
  taskId: string;
  agent?: string | undefined;
  what: string;
  timeoutMs: number;
  settle: (
    error: TroupeError | undefined,
    outcome: Outcome | undefined,
  ) => void;
}

/** For who waits for the output: it throws what the task failed with. */
export function settling<Output>(
  resolve: (output: Output) => void,
  reject: (error: TroupeError) => void,
): WaitOptions["settle"] {
  return (error, outcome) => {
    if (error) reject(error);
    else if (outcome?.state === "completed") resolve(outcome.output as Output);
    else reject(outcome!.error);
  };
}

const sweepMs = 250;
const firstCheckMs = 2_000;
const slowestCheckMs = 30_000;
/** What was heard may not be stored yet: these pauses lie between the looks at the log, and then it was refused. */
const firstPauseMs = 4;
const lastPauseMs = 1_000;

class Wait {
  readonly taskId: string;
  readonly agent: string | undefined;
  readonly what: string;
  readonly settle: WaitOptions["settle"];
  readonly timeoutMs: number;
  readonly startedAt = performance.now();
  checkEveryMs = firstCheckMs;
  checkAt = this.startedAt + firstCheckMs;
  hearNoMore: (() => void) | undefined;
  looking = false;
  /** Another wait for the same task. */
  next: Wait | undefined;
  over = false;

  constructor(options: WaitOptions, next: Wait | undefined) {
    this.taskId = options.taskId;
    this.agent = options.agent;
    this.what = options.what;
    this.settle = options.settle;
    this.timeoutMs = options.timeoutMs;
    this.next = next;
  }
}

export class Outcomes {
  readonly #link: Link;
  readonly #waits = new SlotMap<Wait>();
  #own: ToldEnds | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(link: Link) {
    this.#link = link;
    link.onReconnect(() => this.#checkAllNow());
    link.onClose((error) => this.#each((wait) => this.#settle(wait, error)));
  }

  /** To be called before a task is submitted that may be waited for later: its end is then told here. */
  hearOwn(): void {
    if (this.#own) return;
    if (this.#link.closed) throw this.#link.closedError();
    this.#own = new ToldEnds(this.#link, (agent, response) => {
      if (this.#waits.get(response.id))
        this.#ended(agent, response.id, () => toOutcome(response));
    });
  }

  /** Waits for a task that this connection is about to submit. */
  expect(options: WaitOptions): Wait {
    this.hearOwn();
    return this.#add(options);
  }

  /** Waits for a task that this connection has submitted, and that may have ended since. */
  joinOwn(options: WaitOptions): void {
    this.#check(this.expect(options));
  }

  /** Waits for a task that may have been submitted by anyone, at any time. */
  join(options: WaitOptions): Wait {
    const wait = this.#add(options);
    this.#hearOthers(wait);
    return wait;
  }

  /** The task turned out to be an earlier one with the same id, whose events go to its own submitter. */
  joinEarlier(wait: Wait): void {
    if (!wait.over && !wait.hearNoMore) this.#hearOthers(wait);
  }

  cancel(wait: Wait): void {
    this.#remove(wait);
  }

  #hearOthers(wait: Wait): void {
    const { taskId, agent } = wait;
    const where = { taskId, agent, kind: "end" };
    wait.hearNoMore = this.#link.hear(
      this.#link.subjects.taskEventsWhere(where),
      () => this.#look(wait),
    );
    // What was published just before the subscription is neither heard nor, perhaps, stored yet.
    this.#look(wait);
  }

  #add(options: WaitOptions): Wait {
    if (this.#link.closed) throw this.#link.closedError();
    const wait = new Wait(options, this.#waits.get(options.taskId));
    this.#waits.set(wait.taskId, wait);
    this.#sweep ??= setInterval(() => this.#sweepWaits(), sweepMs);
    return wait;
  }

  #remove(wait: Wait): boolean {
    if (wait.over) return false;
    wait.over = true;
    this.#unlink(wait);
    wait.hearNoMore?.();
    if (this.#waits.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
    return true;
  }

  #unlink(wait: Wait): void {
    const first = this.#waits.get(wait.taskId);
    if (first === wait) {
      if (wait.next) this.#waits.set(wait.taskId, wait.next);
      else this.#waits.delete(wait.taskId);
      return;
    }
    for (let each = first; each; each = each.next)
      if (each.next === wait) each.next = wait.next;
  }

  #settle(wait: Wait, error: TroupeError | undefined, outcome?: Outcome): void {
    if (this.#remove(wait)) wait.settle(error, outcome);
  }

  #endedOnLog({ subject, body }: StoredMessage): void {
    const { agent, taskId } = parseTaskEventSubject(subject);
    this.#ended(agent, taskId, () => parseOutcome(body));
  }

  /** Agents may have tasks of the same id. */
  #ended(agent: string, taskId: string, read: () => Outcome): void {
    let outcome: Outcome | undefined;
    let unreadable: TroupeError | undefined;
    try {
      outcome = read();
    } catch (error) {
      unreadable = error as TroupeError;
    }
    for (let wait = this.#waits.get(taskId), next; wait; wait = next) {
      next = wait.next;
      if (wait.agent === undefined || wait.agent === agent)
        this.#settle(wait, unreadable, outcome);
    }
  }

  #each(visit: (wait: Wait) => void): void {
    for (const [, first] of this.#waits) {
      for (let wait: Wait | undefined = first, next; wait; wait = next) {
        next = wait.next;
        visit(wait);
      }
    }
  }

  #sweepWaits(): void {
    const now = performance.now();
    this.#each((wait) => {
      if (now - wait.startedAt >= wait.timeoutMs) this.#lastLook(wait);
      else if (now >= wait.checkAt && this.#link.connected) this.#check(wait);
    });
  }

  #checkAllNow(): void {
    this.#each((wait) => this.#check(wait));
  }

  #check(wait: Wait): void {
    wait.checkEveryMs = Math.min(slowestCheckMs, wait.checkEveryMs * 2);
    wait.checkAt = performance.now() + wait.checkEveryMs;
    this.#readEnd(wait);
  }

  /** Something was heard: looks until it is on the log, for a while. */
  #look(wait: Wait, pauseMs = firstPauseMs): void {
    if (wait.over || (wait.looking && pauseMs === firstPauseMs)) return;
    wait.looking = pauseMs <= lastPauseMs;
    this.#readEnd(wait);
    if (wait.looking)
      setTimeout(() => this.#look(wait, pauseMs * 3), pauseMs).unref();
  }

  #readEnd(wait: Wait): void {
    endOf(this.#link, wait.taskId, wait.agent).then(
      (end) => end && this.#endedOnLog(end),
      (error: unknown) =>
        this.#link.log.debug(
          { error, task: wait.taskId },
          "could not look for the end of a task",
        ),
    );
  }

  /** Out of time; the log has the last word. */
  #lastLook(wait: Wait): void {
    if (wait.checkAt === Number.POSITIVE_INFINITY) return;
    wait.checkAt = Number.POSITIVE_INFINITY;
    const giveUp = () => this.#settle(wait, outOfTime(this.#link, wait));
    if (!this.#link.connected) return giveUp();
    endOf(this.#link, wait.taskId, wait.agent).then(
      (end) => (end ? this.#endedOnLog(end) : giveUp()),
      giveUp,
    );
  }
}

function outOfTime(link: Link, wait: Wait): TroupeError {
  const state = link.connected
    ? ""
    : ` (not connected to ${link.url} at the moment)`;
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `waited ${formatMs(wait.timeoutMs)} for ${wait.what} to end${state}: it is still on the bus and nothing is lost. Wait longer with bus.task("${wait.taskId}").result({ timeout }), or see whether a worker for it is running`,
    { data: { taskId: wait.taskId } },
  );
}
