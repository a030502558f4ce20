// Firings that no process can make a task of, and how that is told.
import { hasCode, messageOf, type ErrorCode } from "../../protocol/errors.js";
import type { ScheduleRecord } from "../../protocol/schedule.js";
import { orchestratorName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { recordAgentEvent } from "../history/agent-events.js";
import type { Publisher } from "../streams/publisher.js";

/** Nobody else can do anything about it either: the firing has no task, and that is told. */
const refusals: readonly ErrorCode[] = [
  "PAYLOAD_TOO_LARGE",
  "ARGUMENT_INVALID",
  "INPUT_INVALID",
  "AGENT_UNKNOWN",
  "SKILL_UNKNOWN",
  "NO_CANDIDATE",
];

/** Why there is to be no task; undefined where another process, or a later time, may be luckier. */
export function refusalIn(error: unknown): string | undefined {
  return hasCode(error, ...refusals)
    ? `${error.code}: ${messageOf(error)}`
    : undefined;
}

/** Who was to do it does not, or not any more. */
export const isGone = (error: unknown): boolean =>
  hasCode(error, "SKILL_UNKNOWN", "AGENT_UNKNOWN");

/** Of the agent as a whole. */
const noInstance = "-";

/** There is no task whose history could tell it. */
export async function tellRefused(
  { link, publisher }: { link: Link; publisher: Publisher },
  { name, definition, chosen }: ScheduleRecord,
  taskId: string,
  error: string,
): Promise<void> {
  const told = { schedule: name, taskId, error };
  link.log.error(told, "a schedule's firing has no task");
  const { agent = definition.need?.agent } = chosen ?? definition;
  const event = {
    agent: agent ?? orchestratorName,
    instance: noInstance,
    kind: "firing-refused",
    data: told,
  } as const;
  try {
    await recordAgentEvent(link, publisher, event);
  } catch (thrown) {
    if (!hasCode(thrown, "PERMISSION_DENIED")) throw thrown;
    link.log.warn(
      { error: messageOf(thrown) },
      "this user may not write events: that a firing was refused stands in its schedule only",
    );
  }
}
