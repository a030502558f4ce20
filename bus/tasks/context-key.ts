// A stateful agent keeps one actor for each context, so the context is also the key of its tasks: those of one
// context are handled one at a time and in order (R4).
import { TroupeError } from "../../protocol/errors.js";
import { partitionOf } from "../../protocol/subjects.js";
import { encodeToken, keyToken, tokenAt } from "../../protocol/tokens.js";

/** Throws ARGUMENT_INVALID where there is no context, or another key. */
export function contextKey(
  agent: string,
  { context, key }: { context?: string | undefined; key?: string | undefined },
): string {
  if (context === undefined)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `agent "${agent}" is stateful and the task names no context: say whose event it is, as in { context: "o-7" }`,
    );
  encodeToken(context, "context");
  if (key !== undefined && key !== context)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `agent "${agent}" is stateful, so the key of a task is its context "${context}": leave the key "${key}" out`,
    );
  return context;
}

/** Of a task as its queue stores it: whether it came by its context's own partition, as R4 asks. */
export function isInPlace(subject: string, context: string): boolean {
  return (
    tokenAt(subject, 1) === "partition" &&
    tokenAt(subject, 4) === String(partitionOf(keyToken(context)))
  );
}
