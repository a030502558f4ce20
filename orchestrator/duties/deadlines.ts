// Ends tasks that wait past their deadline, as a worker would that got them: where no worker is, or all are
// busy, they would wait for ever.
//
// 1. What waits is read once and in order, so much a round and no more; of a task with a deadline its place is
//    remembered. A queue where nothing new has come costs nothing, however long it is.
// 2. Memory is bounded: of too many the earliest are kept, and the rest is read again when their time comes near.
// 3. R1, R2, R3: it is buried (bus/tasks/burial.ts), then its message is removed.
// 4. A deadline has passed when the server's clock says so; and a worker that has the task in hand is given a
//    while to say so itself.
// 5. A task that has done something durably is left to its workers, who undo that before they end it. Where it is
//    parked, its timer brings it back to them by then. One that has not is sealed before it is buried: a worker that
//    was held up would else do something after its end. The same holds for a message of a stateful agent that was
//    handed out: its context may have changed already, and what that caused not be sent.
import { queueStates, type QueueState } from "../../bus/history/history.js";
import {
  messageAt,
  messagesOn,
  type StoredMessage,
} from "../../bus/history/stored.js";
import { sealJournal } from "../../bus/journal/amending.js";
import { tryToRemove } from "../../bus/streams/removal.js";
import { buryWaiting } from "../../bus/tasks/burial.js";
import { subjectOf } from "../../bus/tasks/on-behalf.js";
import { mayBeApplied } from "../../bus/tasks/handouts.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import type { Term } from "../leading/term.js";
import { someAtOnce } from "./some-at-once.js";

const graceMs = 1_000;
/** Messages read in one round. */
const readEach = 20_000;
const endEach = 2_000;
const tryAgainMs = 10_000;
const remembered = 100_000;
/** What was not remembered is read again so long before its time. */
const aheadMs = 30_000;

interface Due {
  /** Its deadline, or later when that could not be done. */
  endAt: number;
  stream: string;
  sequence: number;
}

export const deadlines: Duty = {
  name: "deadlines",
  everyMs: 1_000,
  begin: (host, term) => new DeadlineRounds(host, term),
};

class DeadlineRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #read = new Map<string, number>();
  /** Earliest first. */
  #due: Due[] = [];
  /** What is due after this is not remembered. */
  #horizon = Number.POSITIVE_INFINITY;
  #turn = 0;

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
  }

  async round(): Promise<void> {
    const { link } = this.#host;
    await link.readClock();
    const now = link.clock.now();
    if (this.#horizon - now < aheadMs) this.#startOver();
    await this.#readOn();
    await this.#endDue(now - graceMs);
  }

  #startOver(): void {
    this.#read.clear();
    this.#due = [];
    this.#horizon = Number.POSITIVE_INFINITY;
  }

  async #readOn(): Promise<void> {
    const { link } = this.#host;
    const states = await queueStates(link);
    let left = readEach;
    // Another is first each time: none is left out where one alone takes the whole round.
    this.#turn++;
    for (const at of states.keys()) {
      const state = states[(at + this.#turn) % states.length]!;
      left -= await this.#readQueue(state, left);
      if (left <= 0) break;
    }
    this.#due.sort((one, other) => one.endAt - other.endAt);
    const [first] = this.#due.slice(remembered);
    if (!first) return;
    this.#horizon = first.endAt;
    this.#due = this.#due.slice(0, remembered);
  }

  async #readQueue(state: QueueState, most: number): Promise<number> {
    const { name: stream, first, last, messages } = state;
    const before = this.#read.get(stream) ?? 0;
    const from = Math.max(first, before > last ? 1 : before + 1); // it was made anew
    if (messages === 0 || from > last) return 0;
    let read = 0;
    for await (const stored of messagesOn(this.#host.link, stream, ">", from)) {
      this.#remember(stored);
      this.#read.set(stream, stored.sequence);
      if (++read >= most) return read;
      if (read % 1_000 === 0) this.#term.check();
    }
    this.#read.set(stream, Math.max(this.#read.get(stream) ?? 0, last));
    return read;
  }

  #remember({ headers, stream, sequence }: StoredMessage): void {
    if (headers.parked !== undefined) return;
    const endAt = Number(headers.deadline ?? Number.NaN);
    if (endAt < this.#horizon) this.#due.push({ endAt, stream, sequence });
  }

  async #endDue(before: number): Promise<void> {
    const count = this.#due.findIndex(({ endAt }) => endAt > before);
    const most = Math.min(count === -1 ? this.#due.length : count, endEach);
    const due = this.#due.splice(0, most);
    await someAtOnce(this.#host, this.#term, due, (each) =>
      this.#tryEnd(each, before),
    );
  }

  /** One that cannot be ended holds up no other. */
  async #tryEnd(due: Due, before: number): Promise<void> {
    try {
      await this.#end(due);
    } catch (error) {
      this.#term.check();
      this.#due.push({ ...due, endAt: before + tryAgainMs });
      this.#host.link.log.warn(
        { ...due, error: messageOf(error) },
        "a task whose deadline has passed could not be ended; it is tried again",
      );
    }
  }

  async #end({ stream, sequence }: Due): Promise<void> {
    const { link, publisher, instance } = this.#host;
    const stored = await messageAt(link, stream, sequence);
    if (!stored) return; // a worker has finished with it
    if (await mayBeApplied(link, stored)) return;
    const task = subjectOf(stored);
    const error = passed(task.taskId, Number(stored.headers.deadline));
    this.#term.check();
    if (!(await sealJournal(link, publisher, task, stored, error))) return;
    const check = () => this.#term.check();
    check();
    await buryWaiting(this.#host, stored, error, instance, check);
    check();
    await tryToRemove(link, stored);
  }
}

function passed(taskId: string, deadline: number): TroupeError {
  return new TroupeError(
    "DEADLINE_PASSED",
    `the deadline of task "${taskId}", ${new Date(deadline).toISOString()}, passed while it waited for a worker`,
  );
}
