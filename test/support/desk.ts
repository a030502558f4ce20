// An agent for plans to call: says what it is given, fails as asked, and remembers what was done and undone.
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { agent, refuse, skill, type TaskContext } from "../../index.js";

const given = z.looseObject({});
type Input = z.infer<typeof given>;

export class Desk {
  /** In the order in which it was done. */
  readonly log: string[] = [];
  /** At work now, and the most that ever were. */
  atOnce = { now: 0, most: 0 };
  readonly #failures = new Map<string, number>();

  readonly agent = agent("desk", {
    version: "1.0.0",
    skills: {
      /** What it is given. */
      say: this.#skill((input) => input),
      /** How it was called. */
      how: this.#skill((_, { key, context, level }) => ({
        key,
        context,
        level,
      })),
      /** After so many ms. */
      slowly: this.#skill(async (input, { signal }) => {
        this.atOnce.now++;
        this.atOnce.most = Math.max(this.atOnce.most, this.atOnce.now);
        await pause(Number(input["ms"]), undefined, { signal });
        this.atOnce.now--;
        return input;
      }),
      /** Fails so many times, then says what it is given. */
      flaky: this.#skill((input) => {
        const name = String(input["name"]);
        const failed = this.#failures.get(name) ?? 0;
        if (failed >= Number(input["times"])) return input;
        this.#failures.set(name, failed + 1);
        throw refuse(`${name} fails`);
      }),
      fail: this.#skill((input) => {
        throw refuse(String(input["why"]));
      }),
      do: this.#skill(async (input) => {
        if (input["ms"] !== undefined) await pause(Number(input["ms"]));
        this.log.push(`do ${String(input["what"])}`);
        return { id: `${String(input["what"])}-1` };
      }),
      undo: this.#skill(async (input) => {
        if (input["ms"] !== undefined) await pause(Number(input["ms"]));
        this.log.push(`undo ${String(input["id"])}`);
      }),
    },
  });

  /** What was done, in the order of the alphabet. */
  done(): string[] {
    return this.log
      .filter((line) => line.startsWith("do "))
      .map((line) => line.slice(3))
      .sort();
  }

  forget(): void {
    this.log.length = 0;
    this.atOnce = { now: 0, most: 0 };
    this.#failures.clear();
  }

  #skill(run: (input: Input, task: TaskContext) => unknown) {
    const retry = { attempts: 1 };
    return skill({ description: "For plans", input: given, retry, run });
  }
}
