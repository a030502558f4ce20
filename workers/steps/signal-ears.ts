// Hears of signals to the tasks of one agent that wait for some in this worker, by one subscription. What is heard may
// not be stored yet, or be refused: it is a reason to look.
import { parseSignalSubject } from "../../protocol/addresses.js";
import type { Link } from "../../bus/connection/connection.js";

const lookEveryMs = 30_000;

type Heard = (id?: string) => void;

export class SignalEars {
  readonly #link: Link;
  readonly #agent: string;
  readonly #heard = new Map<string, Heard>();
  #stop: (() => void) | undefined;

  constructor(link: Link, agent: string) {
    this.#link = link;
    this.#agent = agent;
  }

  /** `heard` is called with the id of each signal, and with none now and then, and after a lost connection. */
  hear(taskId: string, heard: Heard): () => void {
    this.#stop ??= this.#listen();
    this.#heard.set(taskId, heard);
    return () => {
      if (this.#heard.get(taskId) === heard) this.#heard.delete(taskId);
    };
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#heard.clear();
  }

  #listen(): () => void {
    const link = this.#link;
    const subscription = link.listen(
      link.subjects.signalsOf(this.#agent),
      ({ subject }) => {
        const { taskId, id } = parseSignalSubject(subject);
        this.#heard.get(taskId)?.(id);
      },
    );
    const lookAll = () => {
      for (const heard of this.#heard.values()) heard();
    };
    const forget = link.onReconnect(lookAll);
    // A core message may get lost, and a task with a key is not parked, so that no timer has it look.
    const looking = setInterval(lookAll, lookEveryMs).unref();
    return () => {
      clearInterval(looking);
      forget();
      if (!link.closed) subscription.unsubscribe();
    };
  }
}
