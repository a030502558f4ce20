// A machine's own actions, plain functions, run when the state is stored: at least once, and again after a crash.
// What one throws harms nothing but itself: the state is stored, and the others run.
import type { Logger } from "../../bus/connection/log.js";
import { messageOf } from "../../protocol/errors.js";
import type { OwnAction } from "./stage.js";

export class OwnActions {
  /** How many have failed. */
  failures = 0;
  readonly #agent: string;
  readonly #log: Logger;

  constructor(agent: string, log: Logger) {
    this.#agent = agent;
    this.#log = log;
  }

  run(context: string, actions: readonly OwnAction[]): void {
    for (const action of actions) this.#runOne(context, action);
  }

  /** One that returns a promise is not waited for, as in XState. */
  #runOne(context: string, action: OwnAction): void {
    const failed = (error: unknown) => {
      this.failures++;
      this.#log.error(
        {
          agent: this.#agent,
          context,
          action: action.type,
          error: messageOf(error),
          failures: this.failures,
        },
        "an action of a machine failed; its state is stored all the same",
      );
    };
    try {
      const returned = action.run() as PromiseLike<unknown> | undefined;
      if (typeof returned?.then === "function")
        Promise.resolve(returned).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
