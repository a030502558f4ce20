// Where a message of a context stands: in its context's partition, and before or behind what was handled last.
import type { Handled } from "../../actors/durable/record.js";
import { isInPlace } from "../../bus/tasks/context-key.js";
import { TroupeError } from "../../protocol/errors.js";
import type { ContextTask } from "./context-messages.js";

/** Undefined for a message that came another way than its context's: then R4 does not hold for it. */
export function contextOf({
  context,
  delivery,
}: ContextTask): string | undefined {
  return context !== undefined && isInPlace(delivery.subject, context)
    ? context
    : undefined;
}

export function misplaced({ id, context, agent }: ContextTask): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    context === undefined
      ? `task "${id}" names no context, and agent "${agent}" is stateful: submit it with { context }, or send it with the header Troupe-Context`
      : `task "${id}" did not come by the key of its context, and agent "${agent}" is stateful: send it to {namespace}.keyed.{agent}.{lane}.{context}.{id}`,
  );
}

/** What a record says of the message that it names. */
export function placeOf({ id, delivery }: ContextTask) {
  return {
    task: id,
    sequence: delivery.streamSequence,
    at: delivery.storedAt,
  };
}

/** As far as our reckoning of the server's clock may be off. */
const marginMs = 1_000;

/**
 * It may have been handled before the one that the record names was: its end is on the log then. Or its queue was
 * made anew and counts from one again, or the server's clock was set back. Where there is no record, it may have
 * finished its context so long ago (`oldest` is the time before which it may) that the record has aged out.
 */
export function mayBeBehind(
  { delivery }: ContextTask,
  handled: Handled | undefined,
  oldest: number,
): boolean {
  if (!handled) return delivery.storedAt <= oldest + marginMs;
  return (
    delivery.streamSequence <= handled.sequence ||
    delivery.storedAt <= handled.at
  );
}

/** It surely was: who is frozen over it finds its end, and need not be kept from it by the record. */
export function isBehind({ delivery }: ContextTask, handled: Handled): boolean {
  return (
    delivery.streamSequence < handled.sequence && delivery.storedAt < handled.at
  );
}
