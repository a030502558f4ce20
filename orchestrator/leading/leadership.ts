// What the leader does: its duties, each supervised, in a term that begins with the first and ends with the last.
import { supervise, type Supervisor } from "../../actors/supervisor.js";
import { Recorder } from "../../bus/tasks/recorder.js";
import type { Registry } from "../../bus/registry/registry.js";
import { messageOf } from "../../protocol/errors.js";
import { deadlines } from "../duties/deadlines.js";
import { endedJournals } from "../duties/ended-journals.js";
import { lostInstances } from "../duties/lost-instances.js";
import { streamLimits } from "../duties/stream-limits.js";
import { strayLetters } from "../duties/stray-letters.js";
import { stuckTasks } from "../duties/stuck-tasks.js";
import { toChild } from "../duties/duty.js";
import { Term, type TermHost } from "./term.js";

const duties = [
  deadlines,
  endedJournals,
  lostInstances,
  strayLetters,
  streamLimits,
  stuckTasks,
];

export class Leadership {
  readonly #host: TermHost & { readonly registry: Registry };
  readonly #onOver: (why: string) => void;
  #term: Term | undefined;
  #duties: Supervisor | undefined;
  /** The term that has not been ended, whether it has begun or is about to. */
  #wanted: number | undefined;

  /** `onOver` is told when the term is over, or a duty fails too often, though nobody has called `end`. */
  constructor(
    host: TermHost & { readonly registry: Registry },
    onOver: (why: string) => void,
  ) {
    this.#host = host;
    this.#onOver = onOver;
  }

  /** The number of the term in which duties are done. */
  get term(): number | undefined {
    return this.#term?.number;
  }

  /** Throws LEASE_LOST when a later term has begun; does nothing when this one is over by then. */
  async begin(number: number): Promise<void> {
    const { link, publisher, registry, instance } = this.#host;
    this.#wanted = number;
    const term = await Term.begin(this.#host, number);
    if (this.#wanted !== number) return;
    this.#term = term;
    link.log.info({ instance, term: number }, "it leads");
    const recorder = new Recorder(link, publisher);
    const host = { link, publisher, registry, recorder, instance };
    const over = (error: Error): void => {
      if (this.#term === term) this.#onOver(error.message);
    };
    this.#duties = supervise(
      duties.map((duty) => toChild(duty, host, term, over)),
      {
        escalate: over,
        onEvent: (event) => {
          if (event.kind === "failed")
            link.log.warn(
              { duty: event.child, error: messageOf(event.error) },
              "a duty failed and is started again",
            );
        },
      },
    );
  }

  /** Resolves when no duty is under way any more. */
  async end(): Promise<void> {
    this.#wanted = undefined;
    this.#term = undefined;
    const supervisor = this.#duties;
    this.#duties = undefined;
    await supervisor?.stop();
  }
}
