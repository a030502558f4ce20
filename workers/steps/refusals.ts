// What is said when a durable operation cannot be.
import { TroupeError } from "../../protocol/errors.js";
import type { StepHost } from "./step-host.js";
import type { Suspended } from "./suspension.js";
import type { Mismatch } from "./tape.js";

/** A task may do no more in one run. */
export const maxOperations = 50_000;

/** The handler is not the one that wrote the journal. */
export function misfitting(
  host: StepHost,
  { expected, found }: Mismatch,
): Suspended {
  const { id, agent, skill, version } = host;
  const error = new TroupeError(
    "STEP_MISMATCH",
    `the handler of ${agent}.${skill} in version ${version} does not fit the journal of task "${id}": expected ${expected}, found ${found}. It waits for a version that fits`,
    { data: { expected, found } },
  );
  const at = host.now();
  const entry = { kind: "mismatch" as const, at, expected, found, version };
  return { why: "mismatch", error, entry };
}

export function unavailable(
  { agent, skill }: StepHost,
  what: string,
): Promise<never> {
  const error = new TroupeError(
    "STEP_UNAVAILABLE",
    `${agent}.${skill} was asked, and only a durable task can do task.${what}: submit or call it instead`,
  );
  const refused = Promise.reject(error);
  refused.catch(() => undefined); // whoever awaits it hears of it
  return refused;
}

export function journalFull({ id, agent, skill }: StepHost): TroupeError {
  return new TroupeError(
    "JOURNAL_FULL",
    `task "${id}" of ${agent}.${skill} has done ${maxOperations} operations, and a journal takes no more: let the handler return task.continueAs(input) now and then`,
  );
}

/** Nothing is done durably any more but undos, and what one of them is to do belongs into it. */
export function insideOfUndo(step: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} is begun inside of the undo of step "${step}", where nothing is done durably: let the undo do it itself, another skill by bus.call with an id that is the same each time`,
  );
}

/** It would be missing when that step is not done again. What a step begins later cannot be told from other ways. */
export function insideOf(step: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} is begun inside of step "${step}": begin it before or after that, in the handler itself`,
  );
}
