// What handlers give to durable operations, checked before anything is begun: what the journal cannot give back would
// stop its task for good.
import { TroupeError } from "../../protocol/errors.js";

const longestName = 256;
/** No date is further from 1970, in milliseconds. */
const furthest = 8.64e15;

/** Throws ARGUMENT_INVALID. */
export function checkName(what: string, name: unknown): void {
  const isText =
    typeof name === "string" && name !== "" && name.length <= longestName;
  if (isText && name.isWellFormed()) return;
  const shown = String(name);
  const cut = shown.length > 40 ? `${shown.slice(0, 40)}…` : shown;
  throw invalid(
    isText
      ? `the name "${cut.toWellFormed()}" of a ${what} has half a character, as text has that is cut: use whole text`
      : `the name "${cut}" of a ${what} is none: give it text of 1 to ${longestName} characters`,
  );
}

/** Names with "$" are the bus's own. Throws ARGUMENT_INVALID. */
export function checkSignal(name: unknown): void {
  checkName("signal", name);
  if ((name as string).startsWith("$"))
    throw invalid(
      `nobody can wait for signal "${String(name)}": names with "$" are the bus's own`,
    );
}

/** Throws ARGUMENT_INVALID. */
export function checkFunction(what: string, run: unknown): void {
  if (typeof run === "function") return;
  throw invalid(`${what} is a ${typeof run} "${String(run)}": give a function`);
}

/** Throws ARGUMENT_INVALID for what is no time. */
export function checkTime(what: string, at: unknown): number {
  if (typeof at === "number" && Math.abs(at) <= furthest) return at;
  throw invalid(
    `task.${what} was to wait until ${String(at)}, which is no time: give a duration or a date that is one`,
  );
}

function invalid(message: string): TroupeError {
  return new TroupeError("ARGUMENT_INVALID", message);
}
