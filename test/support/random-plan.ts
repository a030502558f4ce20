// Plans at random, of all kinds of steps that need nobody's answer: each passes the check, and some fail.
import { ref } from "./desk-bus.js";

type Step = { name: string } & Record<string, unknown>;

/** What a step may refer to. */
interface Seen {
  steps: readonly string[];
  items: readonly string[];
}

const deepest = 3;
const mostSteps = 25;

export class RandomPlan {
  readonly #id: string;
  #seed: number;
  #count = 0;

  /** What it does is told to the desk with this id. */
  constructor(id: string, seed: number) {
    this.#id = id;
    this.#seed = seed;
  }

  make(): object {
    const steps = this.#block(0, { steps: [], items: [] });
    const budget = { time: "5m", attempts: 1_000 };
    return { steps, ...(this.#chance(0.5) ? { budget } : {}) };
  }

  #block(depth: number, seen: Seen): Step[] {
    const block: Step[] = [];
    const steps = [...seen.steps];
    for (let left = 1 + this.#below(3); left > 0; left--) {
      if (block.length > 0 && this.#count >= mostSteps) break;
      const step = this.#step(depth, { ...seen, steps });
      block.push(step);
      steps.push(step.name);
    }
    return block;
  }

  #step(depth: number, seen: Seen): Step {
    const name = `s${this.#count++}`;
    const isFlat = depth >= deepest || this.#count >= mostSteps;
    const kind = this.#below(isFlat ? 6 : 10);
    const own = this.#flat(kind, name, seen) ?? this.#nested(kind, depth, seen);
    const budget = { time: "1m", attempts: 500 };
    return { name, ...own, ...(this.#chance(0.1) ? { budget } : {}) };
  }

  #flat(kind: number, name: string, seen: Seen): object | undefined {
    const mine = `${this.#id}-${name}`;
    switch (kind) {
      case 0:
        return { call: "desk.say", input: { value: this.#value(seen) } };
      case 1:
        return {
          call: "desk.do",
          input: { what: mine, ms: this.#below(20) },
          undo: { call: "desk.undo", input: { id: ref(`steps.${name}.id`) } },
        };
      case 2:
        return {
          call: "desk.flaky",
          input: { name: mine, times: this.#below(2) },
          retry: { attempts: 2, first: 1 + this.#below(20) },
        };
      case 3:
        return { wait: this.#chance(0.05) ? 1_100 : this.#below(30) };
      case 4:
        return {
          vote: ["desk.slowly", "desk.slowly", "desk.say"],
          input: { ms: this.#below(20), choice: this.#below(2) },
          choice: "choice",
          otherwise: "continue",
        };
      case 5:
        return this.#chance(0.3)
          ? { call: "desk.fail", input: { why: mine } }
          : { value: this.#value(seen) };
      default:
        return undefined;
    }
  }

  #nested(kind: number, depth: number, seen: Seen): object {
    const within = (more: Partial<Seen> = {}) =>
      this.#block(depth + 1, { ...seen, ...more });
    switch (kind) {
      case 6:
        return { parallel: this.#parallel(depth, seen) };
      case 7: {
        const as = `i${this.#count}`;
        return {
          map: Array.from({ length: this.#below(5) }, (_, at) => at),
          as,
          concurrency: 1 + this.#below(4),
          do: within({ items: [...seen.items, as, "index"] }),
        };
      }
      case 8:
        return {
          when: { gt: [this.#below(9), this.#below(9)] },
          do: within(),
          ...(this.#chance(0.5) ? { else: within() } : {}),
        };
      default:
        return { steps: within() };
    }
  }

  /** In any order: each step waits for those that it refers to. */
  #parallel(depth: number, seen: Seen): Step[] {
    const steps: Step[] = [];
    const names: string[] = [];
    for (let left = 1 + this.#below(4); left > 0; left--) {
      const known = this.#chance(0.5) ? [...seen.steps, ...names] : seen.steps;
      const step = this.#step(depth + 1, { ...seen, steps: known });
      if (names.length > 0 && this.#chance(0.3))
        step["after"] = [this.#of(names)];
      steps.splice(this.#below(steps.length + 1), 0, step);
      names.push(step.name);
    }
    return steps;
  }

  #value({ steps, items }: Seen): unknown {
    const kind = this.#below(4);
    if (kind === 0 && steps.length > 0) return ref(`steps.${this.#of(steps)}`);
    if (kind === 1 && items.length > 0) return ref(this.#of(items));
    if (kind === 2 && steps.length > 0)
      return { template: `with \${steps.${this.#of(steps)}}` };
    return this.#below(100);
  }

  #of(names: readonly string[]): string {
    return names[this.#below(names.length)]!;
  }

  #chance(part: number): boolean {
    return this.#below(1_000) < part * 1_000;
  }

  #below(limit: number): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * limit);
  }
}
