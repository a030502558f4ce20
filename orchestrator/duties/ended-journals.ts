// Removes the journals of tasks that ended longer ago than the history lasts: nobody can ask about them any more.
//
// 1. A task has ended that long ago when its last write is older than the history, its end has aged out, and its message
//    stands nowhere. One that still waits keeps its journal (R1), for months if need be.
// 2. A journal stays where its task's dead letter does: somebody may order that it be undone. And where it waits for a
//    time to come though its message is gone: that should not be, and is for a person to see (stuck-tasks.ts).
// 3. So many a round and no more; what was passed over is come by again.
import type { Link } from "../../bus/connection/connection.js";
import { deathOf, endOf, pendingTask } from "../../bus/history/history.js";
import { readJournal } from "../../bus/journal/journal.js";
import { isCompletion, type JournalEntry } from "../../protocol/journal.js";
import type { Term } from "../leading/term.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import { journalWalk, type Written } from "./journal-walk.js";
import { someAtOnce } from "./some-at-once.js";
import type { Walk } from "./walk.js";

const mostWrites = 2_000;
const againMs = 3_600_000;
/** A task mostly ends soon after its last write; its end has aged out by then, and it need not be come by again. */
const endsWithinMs = 60_000;

export const endedJournals: Duty = {
  name: "ended-journals",
  everyMs: 1_000,
  begin: (host, term) => new EndedJournalRounds(host, term),
};

class EndedJournalRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #walk: Walk<Written>;

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
    this.#walk = journalWalk(host);
  }

  async round(): Promise<void> {
    const { link } = this.#host;
    const lastsMs = await historyMs(link);
    if (lastsMs === 0) return; // for ever
    const before = link.clock.now() - lastsMs - Math.min(lastsMs, endsWithinMs);
    const again = Math.min(lastsMs, againMs);
    const old = await this.#walk.next(mostWrites, before, again);
    await someAtOnce(this.#host, this.#term, old, (each) => this.#remove(each));
  }

  async #remove(task: Written): Promise<void> {
    const { link } = this.#host;
    const { streams, journalOf } = link.subjects;
    // What is written from here on is another task's with the same id.
    const { state } = await link.jsm.streams.info(streams.journal);
    if (await this.#isKept(task)) return;
    this.#term.check();
    await link.jsm.streams.purge(streams.journal, {
      filter: journalOf(task),
      seq: state.last_seq + 1,
    });
  }

  async #isKept({ agent, taskId }: Written): Promise<boolean> {
    const { link } = this.#host;
    if (await pendingTask(link, taskId, agent)) return true;
    const [end, letter] = await Promise.all([
      endOf(link, taskId, agent),
      deathOf(link, taskId, agent),
    ]);
    if (end || letter) return true;
    const { entries } = await readJournal(link, { agent, taskId });
    return isWaiting(entries, link.clock.now());
  }
}

/** Whether something that it has begun is to be waited for after this. */
function isWaiting(entries: readonly JournalEntry[], now: number): boolean {
  const waits = new Map<number, number>();
  for (const entry of entries)
    if (entry.kind === "begun") waits.set(entry.op, entry.until ?? 0);
    else if (isCompletion(entry)) waits.delete(entry.op);
  return [...waits.values()].some((until) => until > now);
}

/** How long the end of a task is kept; 0 where it is for ever. */
async function historyMs({ jsm, subjects }: Link): Promise<number> {
  const { config } = await jsm.streams.info(subjects.streams.events);
  return config.max_age / 1_000_000;
}
