// What must hold before a handler is called: its message can be read (R7), its agent has the skill, its workers
// do not die of it, and it is not too late.
import { isDeadly } from "../bus/delivery/retry.js";
import type { TaskAddress } from "../protocol/addresses.js";
import { skillUnknown, TroupeError } from "../protocol/errors.js";
import { parseTaskBody, type ParsedTask } from "../protocol/task-message.js";
import type { Assignment } from "./assignment.js";
import type { SkillRunner } from "./skill-runner.js";

export interface Preparable extends Assignment {
  readonly address: TaskAddress;
  /** What its body says, once it was read. */
  parsed: ParsedTask | undefined;
}

/** The runner of its skill, or why the task fails before its handler is called. */
export function prepare(task: Preparable): SkillRunner | TroupeError {
  const { headers, body } = task.delivery;
  try {
    task.parsed ??= parseTaskBody(task.address, headers, body);
  } catch (error) {
    return error as TroupeError;
  }
  task.subject.params = task.parsed.params;
  const runner = task.host.runners.get(task.parsed.skill);
  if (!runner)
    return skillUnknown(
      task.agent,
      task.parsed.skill,
      task.host.runners.keys(),
    );
  if (isDeadly(runner.rules, task.past)) return workerLost(task);
  const left = task.deadlineInMs();
  return left > 0 ? runner : deadlinePassed(task, -left);
}

function workerLost({ agent, skill, id, past }: Assignment): TroupeError {
  const { crashes, firstUnknown } = past;
  const times = firstUnknown
    ? `${crashes} or ${crashes + 1} times (its first start leaves no trace)`
    : `${crashes} ${crashes === 1 ? "time" : "times"}`;
  return new TroupeError(
    "WORKER_LOST",
    `the worker of ${agent}.${skill} died or vanished ${times} while it worked on task "${id}": see whether it exits, blocks or runs out of memory, then redrive the dead letter`,
  );
}

function deadlinePassed({ agent, id }: Assignment, agoMs: number): TroupeError {
  return new TroupeError(
    "DEADLINE_PASSED",
    `the deadline of task "${id}" passed ${Math.round(agoMs)} ms before an instance of "${agent}" took it up`,
  );
}
