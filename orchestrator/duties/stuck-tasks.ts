// Says which tasks are stuck: they have a journal and no end, and yet their message stands neither on its queue nor on
// TIMERS, so that nothing will ever wake them. No death of any process leaves one like that; somebody has removed the
// message by hand.
//
// It is told, loudly, and no more. To bring such a task back, its message would have to be stored a second time whenever
// it is parked; what is purged from a queue is gone as well.
//
// A fork whose maker died before it was submitted is none: nobody was told that it is there.
//
// 1. A message moves from TIMERS to its queue while we look: a task is told of when it was found so in two rounds.
// 2. So many a round and no more.
import { endOf, loggedSince, pendingTask } from "../../bus/history/history.js";
import { readJournal } from "../../bus/journal/journal.js";
import { isOnlyCopied } from "../../protocol/journal-cut.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Term } from "../leading/term.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import { journalWalk, type Written } from "./journal-walk.js";
import { someAtOnce } from "./some-at-once.js";
import type { Walk } from "./walk.js";

const mostWrites = 1_000;
const graceMs = 2_000;
const againMs = 3_600_000;
const remembered = 10_000;

export const stuckTasks: Duty = {
  name: "stuck-tasks",
  everyMs: 5_000,
  begin: (host, term) => new StuckTaskRounds(host, term),
};

class StuckTaskRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #walk: Walk<Written>;
  #suspects: Written[] = [];
  readonly #told = new Set<string>();

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
    this.#walk = journalWalk(host);
  }

  async round(): Promise<void> {
    const { link } = this.#host;
    for (const suspect of await this.#stuckAmong(this.#suspects))
      await this.#tell(suspect);
    const before = link.clock.now() - graceMs;
    const written = await this.#walk.next(mostWrites, before, againMs);
    this.#suspects = await this.#stuckAmong(written);
  }

  async #stuckAmong(tasks: readonly Written[]): Promise<Written[]> {
    const { link } = this.#host;
    const since = await loggedSince(link);
    // Of an older one the end may have gone.
    const known = tasks.filter(({ at }) => at >= since.getTime());
    const stuck = await someAtOnce(this.#host, this.#term, known, (task) =>
      this.#isStuck(task),
    );
    return known.filter((_, index) => stuck[index]);
  }

  async #isStuck({ agent, taskId }: TaskName): Promise<boolean> {
    const { link } = this.#host;
    if (await pendingTask(link, taskId, agent)) return false;
    if (await endOf(link, taskId, agent)) return false;
    return !isOnlyCopied((await readJournal(link, { agent, taskId })).entries);
  }

  async #tell({ agent, taskId, at }: Written): Promise<void> {
    const key = keyOf({ agent, taskId });
    if (this.#told.has(key)) return;
    const writtenAt = new Date(at).toISOString();
    const data = { taskId, writtenAt };
    const { instance, link } = this.#host;
    await this.#term.record({ agent, instance, kind: "stuck", data });
    link.log.error(
      { agent, task: taskId, writtenAt },
      "a task is stuck: it has a journal and no end, and its message is neither on its queue nor on TIMERS; submit it anew",
    );
    if (this.#told.size >= remembered) this.#told.clear();
    this.#told.add(key);
  }
}

const keyOf = ({ agent, taskId }: TaskName) => `${agent}/${taskId}`;
