// What a machine cannot do, or has done, said so that its author finds it.
import { TroupeError } from "../../protocol/errors.js";

/** What made the root fail, as an error. */
export function toFailure(agent: string, thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const { code, message } = (thrown ?? {}) as {
    code?: string;
    message?: string;
  };
  return new TroupeError(
    "HANDLER_REFUSED",
    `an actor in the machine of agent "${agent}" failed, and the machine has no onError for it: ${code ?? "error"}: ${message ?? String(thrown)}`,
    { cause: thrown },
  );
}

export function endless(agent: string, maxSteps: number): TroupeError {
  return new TroupeError(
    "HANDLER_REFUSED",
    `the machine of agent "${agent}" took more than ${maxSteps} steps for one event: see which "always", raised events or messages among its actors go in a circle`,
  );
}

export function tooLate(agent: string): TroupeError {
  return new TroupeError(
    "HANDLER_REFUSED",
    `an action of the machine of agent "${agent}" sent an event to an actor after the state was stored, where it would be lost: use raise, sendTo or emit instead`,
  );
}

export function unnamed(agent: string, id: string): TroupeError {
  return new TroupeError(
    "HANDLER_REFUSED",
    `the machine of agent "${agent}" spawned the actor "${id}" from logic without a name, which cannot be found again after a sleep: give it in setup({ actors }) and spawn it by its name`,
  );
}

export function tooFar(agent: string, delayMs: number): TroupeError {
  return new TroupeError(
    "HANDLER_REFUSED",
    `the machine of agent "${agent}" has a delay of ${delayMs} ms: give it a number that ends before the year 2262`,
  );
}
