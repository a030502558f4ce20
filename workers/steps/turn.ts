// A task with a key has the turn in its partition of the queue (R4): what stands behind it comes when it has ended.
import {
  namesOf,
  needOf,
  type NamedTarget,
  type Target,
} from "../../bus/tasks/target.js";
import { TroupeError } from "../../protocol/errors.js";
import { defaultLane, partitionOf } from "../../protocol/subjects.js";
import { keyToken } from "../../protocol/tokens.js";
import type { ChildOptions } from "./calls.js";
import type { StepHost } from "./step-host.js";

/** Throws ARGUMENT_INVALID where a task would wait for one that has to wait for it (R9). */
export function checkTurn(
  host: StepHost,
  target: Target,
  { key, lane = defaultLane, start }: ChildOptions,
): void {
  if (key === undefined || start === true || needOf(target)) return;
  const { turn, id, agent } = host;
  const called = namesOf(target as NamedTarget);
  if (!turn || called.agent !== agent || lane !== turn.lane) return;
  if (partitionOf(keyToken(key)) !== turn.partition) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `task "${id}" would wait for ever for ${agent}.${called.skill} with key "${key}": that stands behind it in the queue that they share by their keys, where one comes when the one before has ended. Call it without a key, have another agent do it, or do not wait for it (task.submit)`,
  );
}
