// Tasks of the agent "hand" under a dozen keys, and what a diary says of their order (R4): a task's note is its key
// and its number, from 0.
import assert from "node:assert/strict";
import type { Bus } from "../../index.js";
import { eventually } from "./eventually.js";
import { hand, readDiary, type Entry } from "./hands.js";

const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`);
const each = 8;

export class KeyedTasks {
  readonly #bus: Bus;
  readonly #diary: string;
  readonly accepted: string[] = [];
  #rounds = 0;
  #seen = 0;

  constructor(bus: Bus, diary: string) {
    this.#bus = bus;
    this.#diary = diary;
  }

  /** Some more of each key, in order. */
  async submitMore(): Promise<void> {
    const first = this.#rounds++ * each;
    for (let n = first; n < first + each; n++)
      await Promise.all(keys.map((key) => this.#submit(key, n)));
    this.#seen = (await readDiary(this.#diary)).length;
  }

  /** Some of those submitted last, by chance: most are still waiting or in hand. */
  async untilSomeRan(): Promise<void> {
    await eventually(
      async () =>
        (await readDiary(this.#diary)).length > this.#seen + Math.random() * 60,
      { timeoutMs: 20_000 },
    );
  }

  async untilAllEnded(): Promise<void> {
    await Promise.all(this.accepted.map((id) => this.#bus.task(id).result()));
  }

  /** How many were begun again, which only those may be whose worker was killed. */
  async checkOrder(killed: ReadonlySet<number>): Promise<number> {
    const entries = await readDiary(this.#diary);
    const total = this.#rounds * each;
    return keys
      .map((key) => checkOrder(key, entries, total, killed))
      .reduce((a, b) => a + b, 0);
  }

  async #submit(key: string, n: number): Promise<void> {
    const input = { ms: 5 + (n % 4) * 5, note: `${key} ${n}` };
    const task = await this.#bus.submit(hand.skills.work, input, { key });
    this.accepted.push(task.id);
  }
}

/**
 * A task may be begun again after its worker was killed, and nothing else may happen out of turn. Answers how
 * often that was.
 */
function checkOrder(
  key: string,
  all: Entry[],
  total: number,
  killed: ReadonlySet<number>,
): number {
  let last = -1;
  let open: Entry | undefined;
  let repeats = 0;
  for (const entry of all) {
    const [name, n] = entry.note.split(" ");
    if (name !== key) continue;
    const line = `${entry.what} of ${entry.note} by ${entry.pid}`;
    if (entry.what === "finish") {
      assert.deepEqual([open?.pid, open?.note], [entry.pid, entry.note], line);
      open = undefined;
      continue;
    }
    if (open)
      assert.ok(killed.has(open.pid), `${line} while ${open.note} runs`);
    if (Number(n) === last) repeats++;
    else {
      assert.equal(Number(n), last + 1, `${line} out of turn`);
      assert.equal(open, undefined, `${line} before ${open?.note} finished`);
    }
    last = Number(n);
    open = entry;
  }
  assert.equal(last, total - 1, `${key} is not done`);
  return repeats;
}
