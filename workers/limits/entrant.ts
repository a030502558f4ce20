// A task at the gate of its skill.
import type { Delivery } from "../../bus/delivery/delivery.js";
import type { TaskAddress } from "../../protocol/addresses.js";
import type { TroupeError } from "../../protocol/errors.js";
import { parseTaskBody, type ParsedTask } from "../../protocol/task-message.js";
import type { TaskFacts } from "../task-context.js";
import type { Leave } from "./policy.js";

export interface Entrant extends TaskFacts {
  readonly address: TaskAddress;
  readonly delivery: Delivery;
  /** What its body says, once it was read. */
  parsed: ParsedTask | undefined;
  deadlineInMs(): number;
  /** Its deliveries so far came here, and none of them began: so nothing can be known of it. */
  isUntouched: boolean;
  mayBeKnown(): boolean;
  /** It waits: what the log says of it may as well be read meanwhile. */
  recallAhead(): void;
  /** It waits without a slot. */
  slotless: boolean;
  /** To be called when it is over, with what it says of its skill. */
  leave: Leave | undefined;
  /** Why it must not be handled here. */
  barred: TroupeError | undefined;
}

/** Of a keyed task only the body tells it. What cannot be read has none; that is said when the task is prepared. */
export function skillOf(task: Entrant): string {
  if (task.address.skill !== "") return task.address.skill;
  try {
    return read(task).skill;
  } catch {
    return "";
  }
}

/** Throws MESSAGE_UNREADABLE. */
export function read(task: Entrant): ParsedTask {
  const { headers, body } = task.delivery;
  return (task.parsed ??= parseTaskBody(task.address, headers, body));
}
