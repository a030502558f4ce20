// The replicas and their number: as many run as are wanted, one that ends is started again, one too many drains
// and goes.
//
// 1. A number belongs to one process at a time: it is given again only when that process is gone.
// 2. Who goes first when there are too many: those that do not serve yet, then those with the least in hand.
// 3. Nothing is restarted without end: a module that cannot even be loaded ends all at once, replicas that die
//    before they take a task after a few, and those that die later past the limit of actors/supervisor.ts.
import { setTimeout as pause } from "node:timers/promises";
import { supervise, type Supervisor } from "../../actors/supervisor.js";
import type { Life, Running } from "../../actors/supervised.js";
import { formatMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { exitCodes, wrongUsage } from "../exit.js";
import { Replica, type OnLine } from "./replica.js";

interface CrewOptions {
  /** Of the command, for one replica. */
  args: readonly string[];
  /** The most that will be wanted. */
  most: number;
  /** How long one that drains is given before it is killed. */
  drainMs: number;
  onLine: OnLine;
  onEvent(event: CrewEvent): void;
  /** It is no use going on; all replicas are gone, or going. */
  failed(error: TroupeError): void;
}

export type CrewEvent =
  | { kind: "serves"; replica: Replica }
  | { kind: "died"; replica: Replica; again: number }
  | { kind: "left" | "killed"; replica: Replica };

const startMs = 120_000;
const goodbyeMs = 5_000;
const earlyDeaths = 5;

export class Crew {
  readonly #options: CrewOptions;
  readonly #living = new Set<Replica>();
  readonly #wanted = new Set<number>();
  readonly #supervisor: Supervisor;
  /** Those whose end the supervisor has yet to tell of. */
  readonly #dead = new Map<string, Replica>();
  #deathsBeforeServing = 0;
  #everServed = false;
  #over = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#supervisor = supervise([], {
      restarts: 10 + 10 * options.most,
      first: "250ms",
      max: "30s",
      startWithin: startMs + options.drainMs + 2 * goodbyeMs,
      stopWithin: options.drainMs + 2 * goodbyeMs,
      escalate: (error) => this.#fail(error),
      onEvent: (event) => {
        if (event.kind === "failed") this.#died(event.child, event.restartInMs);
      },
    });
  }

  /** Those that take tasks. */
  get serving(): Replica[] {
    return [...this.#living].filter(
      ({ newest, leaving, end }) => newest && !leaving && end === undefined,
    );
  }

  /** Starts some, or lets some go, until there are so many. */
  want(count: number): void {
    if (this.#over) return;
    while (this.#wanted.size < count) this.#add();
    for (const number of this.#dispensable(this.#wanted.size - count)) {
      this.#wanted.delete(number);
      void this.#supervisor.remove(nameOf(number));
    }
  }

  /** All finish what they have in hand and end; none is started any more. Resolves when they are gone. */
  async drain(): Promise<void> {
    this.#over = true;
    for (const replica of this.#living) replica.drain();
    await this.#supervisor.stop();
    await Promise.all([...this.#living].map(({ ended }) => ended));
  }

  /** kill -9 of all: what they had in hand goes to other workers. */
  kill(): void {
    this.#over = true;
    for (const replica of this.#living) replica.kill();
  }

  #add(): void {
    const taken = new Set([...this.#living].map(({ number }) => number));
    let number = 1;
    while (taken.has(number) || this.#wanted.has(number)) number++;
    this.#wanted.add(number);
    void this.#supervisor.add({
      name: nameOf(number),
      start: (life) => this.#start(number, life),
    });
  }

  #dispensable(count: number): number[] {
    const use = new Map<number, number>();
    for (const { number, running } of this.serving) use.set(number, running);
    return [...this.#wanted]
      .sort((a, b) => (use.get(a) ?? -1) - (use.get(b) ?? -1) || b - a)
      .slice(0, Math.max(0, count));
  }

  /** Resolves when it takes tasks; throws when it ends before. */
  async #start(number: number, life: Life): Promise<Running> {
    const replica = new Replica(
      number,
      this.#options.args,
      this.#options.onLine,
    );
    this.#living.add(replica);
    const gone = replica.ended.then(() => void this.#living.delete(replica));
    const late = new AbortController();
    const timer = pause(startMs, undefined, { signal: late.signal });
    timer.then(
      () => replica.kill(),
      () => undefined,
    );
    await Promise.race([replica.serves, gone]);
    late.abort();
    if (replica.end !== undefined) throw this.#diedAtOnce(replica);
    this.#everServed = true;
    this.#deathsBeforeServing = 0;
    this.#options.onEvent({ kind: "serves", replica });
    void gone.then(() => {
      if (replica.leaving || this.#over) this.#left(replica);
      else this.#dead.set(nameOf(number), replica);
      life.failed(deathOf(replica));
    });
    return { stop: () => this.#letGo(replica) };
  }

  async #letGo(replica: Replica): Promise<void> {
    if (replica.end !== undefined) return;
    replica.drain();
    const timer = new AbortController();
    const limitMs = this.#options.drainMs + goodbyeMs;
    const late = pause(limitMs, "late", { signal: timer.signal });
    const how = await Promise.race([
      replica.ended,
      late.catch(() => undefined),
    ]);
    timer.abort();
    if (how === "late") replica.kill();
    await replica.ended;
  }

  #left(replica: Replica): void {
    const kind = replica.killed ? "killed" : "left";
    this.#options.onEvent({ kind, replica });
  }

  #died(child: string, again: number): void {
    const replica = this.#dead.get(child);
    this.#dead.delete(child);
    if (replica) this.#options.onEvent({ kind: "died", replica, again });
  }

  /** It never took a task: what is wrong with it is likely wrong with all. */
  #diedAtOnce(replica: Replica): TroupeError {
    const error = deathOf(replica);
    if (this.#over || replica.leaving) return error;
    this.#dead.set(nameOf(replica.number), replica);
    const deaths = ++this.#deathsBeforeServing;
    if (replica.end === exitCodes.wrongUsage && !this.#everServed)
      this.#fail(wrongUsage(error.message));
    else if (deaths >= earlyDeaths) this.#fail(againAndAgain(error, deaths));
    return error;
  }

  #fail(error: TroupeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.failed(error);
  }
}

const nameOf = (number: number): string => `replica ${number}`;

function deathOf(replica: Replica): TroupeError {
  const { number, end, lastWords, livedMs } = replica;
  const how = typeof end === "number" ? `with exit code ${end}` : `by ${end}`;
  const words = lastWords.map((line) => line.trim()).join(" ");
  const said = words ? `its last words: "${words}"` : "it said nothing";
  const served = replica.newest ? "" : ", before it took a task";
  return new TroupeError(
    "WORKER_LOST",
    `replica ${number} ended ${how} after ${formatMs(livedMs)}${served}; ${said}`,
    { data: { replica: number, end } },
  );
}

function againAndAgain(cause: TroupeError, deaths: number): TroupeError {
  return new TroupeError(
    "RESTARTS_EXHAUSTED",
    `replicas ended ${deaths} times in a row before any took a task, so they are not started again; the last: ${cause.message}. Run the same without --replicas to see it alone`,
    { cause, ...(cause.data ? { data: cause.data } : {}) },
  );
}
