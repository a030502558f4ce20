// Removes dead letters whose task did not fail after all: who wrote one died before the end, and the task's worker
// completed it, or somebody canceled it (bus/tasks/burial.ts).
//
// 1. A letter is looked at soon after it was written, when who wrote it has mostly stored the end; and now and then
//    later, for a task that was left without may run for long.
// 2. So many a round and no more.
import { endOf } from "../../bus/history/history.js";
import type { StoredMessage } from "../../bus/history/stored.js";
import { withdrawStray } from "../../bus/tasks/burial.js";
import { parseDeadSubject } from "../../protocol/addresses.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { Term } from "../leading/term.js";
import type { Duty, DutyHost, Rounds } from "./duty.js";
import { someAtOnce } from "./some-at-once.js";
import { Walk } from "./walk.js";

const mostLetters = 500;
const graceMs = 2_000;
const againMs = 600_000;

type Letter = TaskName & Omit<StoredMessage, "body" | "subject">;

export const strayLetters: Duty = {
  name: "stray-letters",
  everyMs: 1_000,
  begin: (host, term) => new StrayLetterRounds(host, term),
};

class StrayLetterRounds implements Rounds {
  readonly #host: DutyHost;
  readonly #term: Term;
  readonly #walk: Walk<Letter>;

  constructor(host: DutyHost, term: Term) {
    this.#host = host;
    this.#term = term;
    const { streams, deadWhere } = host.link.subjects;
    this.#walk = new Walk(host, {
      stream: streams.dead,
      filter: deadWhere({}),
      read: ({ subject, body: _large, ...letter }) => ({
        ...letter,
        ...parseDeadSubject(subject),
      }),
    });
  }

  async round(): Promise<void> {
    const before = this.#host.link.clock.now() - graceMs;
    const letters = await this.#walk.next(mostLetters, before, againMs);
    await someAtOnce(this.#host, this.#term, letters, (each) =>
      this.#look(each),
    );
  }

  async #look(letter: Letter): Promise<void> {
    const { link } = this.#host;
    const { agent, taskId } = letter;
    const end = await endOf(link, taskId, agent);
    if (!end || !(await withdrawStray(link, letter, end))) return;
    link.log.warn(
      { agent, task: taskId, end: end.headers.type },
      "a dead letter was removed whose task did not fail after all: who wrote it died before the end",
    );
  }
}
