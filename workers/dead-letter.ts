import type { TroupeError } from "../protocol/errors.js";
import type { TaskEvent } from "../protocol/task.js";
import type { Assignment } from "./assignment.js";

/** What the recorder makes the dead letter of a task in hand from. */
export function deadLetterOf(
  { delivery, agent, skill, id }: Assignment,
  error: TroupeError,
  past: { attempt: number; events: readonly TaskEvent[] },
) {
  const { subject, headers, body } = delivery;
  const { attempt, events } = past;
  const task = { agent, skill, taskId: id };
  return { subject, headers, body, ...task, error, attempt, events };
}
