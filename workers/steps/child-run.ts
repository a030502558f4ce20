// A child that was started, and the hearing of its end: whoever waits for it may come later than that.
import type { Routed, SubmitOptions } from "../../bus/tasks/submit-options.js";
import type { Submitter } from "../../bus/tasks/submitter.js";
import type { NamedTarget } from "../../bus/tasks/target.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { Outcome } from "../../protocol/outcome.js";
import type { ChildRun } from "./step-host.js";

/** `onTrouble` is called when its end can no longer be heard of. */
export async function startRun(
  submitter: Submitter,
  target: NamedTarget,
  input: unknown,
  options: SubmitOptions & Routed & { id: string },
  onTrouble: (error: TroupeError) => void,
): Promise<ChildRun> {
  let outcome: Outcome | undefined;
  let heard: ((outcome: Outcome) => void) | undefined;
  const { leave, duplicate } = await submitter.start(
    target,
    input,
    options,
    (error, ended) => {
      if (error) return onTrouble(error);
      outcome = ended!;
      heard?.(outcome);
    },
  );
  return {
    leave,
    isKnown: duplicate,
    ended: (listener) => {
      heard = listener;
      if (outcome) listener(outcome);
    },
  };
}
