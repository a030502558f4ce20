// A duty that only the leader has: done again and again for as long as its term lasts, each by an actor of its
// own that is started again when it fails.
import type { ChildSpec, Life, Running } from "../../actors/supervised.js";
import type { Link } from "../../bus/connection/connection.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type { Recorder } from "../../bus/tasks/recorder.js";
import type { Registry } from "../../bus/registry/registry.js";
import { TroupeError } from "../../protocol/errors.js";
import type { Term } from "../leading/term.js";

export interface DutyHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly recorder: Recorder;
  readonly registry: Registry;
  /** Of the orchestrator. */
  readonly instance: string;
}

/** One life of a duty: what it remembers from one round to the next, it has learned in this life. */
export interface Rounds {
  /** Throws LEASE_LOST when the term is over, and anything else to be started anew. */
  round(): Promise<void>;
  stop?(): Promise<void> | void;
}

export interface Duty {
  name: string;
  everyMs: number;
  begin(this: void, host: DutyHost, term: Term): Promise<Rounds> | Rounds;
}

/** `onOver` is told when a round finds that the term is over. */
export function toChild(
  duty: Duty,
  host: DutyHost,
  term: Term,
  onOver: (error: TroupeError) => void,
): ChildSpec {
  return {
    name: duty.name,
    async start(life) {
      term.check();
      const rounds = await duty.begin(host, term);
      return new Loop(duty, rounds, term, life, onOver);
    },
  };
}

class Loop implements Running {
  readonly #duty: Duty;
  readonly #rounds: Rounds;
  readonly #term: Term;
  readonly #life: Life;
  readonly #onOver: (error: TroupeError) => void;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    duty: Duty,
    rounds: Rounds,
    term: Term,
    life: Life,
    onOver: (error: TroupeError) => void,
  ) {
    this.#duty = duty;
    this.#rounds = rounds;
    this.#term = term;
    this.#life = life;
    this.#onOver = onOver;
    this.#next(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    await this.#rounds.stop?.();
  }

  #next(inMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#go();
    }, inMs);
  }

  /** Never throws. */
  async #go(): Promise<void> {
    try {
      this.#term.check();
      await this.#rounds.round();
      this.#next(this.#duty.everyMs);
    } catch (error) {
      if (this.#stopped) return;
      this.#stopped = true;
      if (error instanceof TroupeError && error.code === "LEASE_LOST")
        this.#onOver(error);
      else this.#life.failed(error);
    }
  }
}
