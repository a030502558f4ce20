// What a message means to its context: an event for its machine, a timer that is due, a call that has ended, or that
// it is to go on.
import { z } from "zod";
import { hostSkills } from "../../actors/durable/outbox.js";
import type { Message } from "../../actors/durable/step.js";
import type { Link } from "../../bus/connection/connection.js";
import { endOf } from "../../bus/history/history.js";
import { TroupeError } from "../../protocol/errors.js";
import { parseOutcome, type Outcome } from "../../protocol/outcome.js";
import type { Assignment } from "../assignment.js";
import { skill } from "../skill.js";

export interface ContextTask extends Assignment {
  readonly lane: string;
  /** As it came. */
  readonly input: unknown;
  readonly isResume: boolean;
}

const callEnd = z.object({ call: z.string(), agent: z.string() });

const hostOnly = () => {
  throw new TroupeError("HANDLER_REFUSED", "only a context's host does this");
};

/** What contexts send to themselves. They are no events of the machine and stand on no card. */
export const contextSkills = {
  [hostSkills.timer]: skill({
    description: "A timer of the context is due",
    input: z.object({}),
    run: hostOnly,
  }),
  [hostSkills.settled]: skill({
    description: "A skill that the context called has ended",
    input: callEnd,
    run: hostOnly,
  }),
  [hostSkills.resume]: skill({
    description: "The context goes on after an event that nobody could handle",
    input: z.object({}),
    run: hostOnly,
  }),
};

export class ContextMessages {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async read(task: ContextTask, input: unknown): Promise<Message | "resume"> {
    switch (task.skill) {
      case hostSkills.timer:
        return { kind: "timer", task: task.id };
      case hostSkills.resume:
        return "resume";
      case hostSkills.settled: {
        const { call, agent } = input as z.infer<typeof callEnd>;
        const outcome = await this.#outcomeOf(call, agent);
        return { kind: "settled", task: call, outcome };
      }
      default:
        return {
          kind: "event",
          event: { ...(input as object), type: task.skill },
        };
    }
  }

  /** The log says what came of it, and nobody else. */
  async #outcomeOf(call: string, agent: string): Promise<Outcome> {
    const end = await endOf(this.#link, call, agent);
    if (end) return parseOutcome(end.body);
    return {
      state: "failed",
      error: new TroupeError(
        "TASK_UNKNOWN",
        `what came of task "${call}" of agent "${agent}" is no longer on the log: keep the history longer, or serve the agent that called before it ages out`,
      ),
    };
  }
}
