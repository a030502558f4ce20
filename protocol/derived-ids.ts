// Ids of tasks that follow from another task: deriving one again is the same task, and two that are derived otherwise
// are never one. They begin with the id that they follow from, so that a person sees where they belong:
//
//   order-7~billing~0          the call at place 0 of task "order-7" of agent "billing"
//   order-7~billing~2-0        the same after it has continued twice
//   order-7~billing~fallback   who does it instead
//   order-7~redrive-12         of the dead letter at place 12 of its stream
//
// Read from the end they tell all: what follows the last "~" says what it is, and before that stands the agent, in
// which there is none. Of what would be too long for a subject the beginning is hashed; then "~" stands first, where
// else an id would have to be empty.
import { createHash } from "node:crypto";
import type { TaskName } from "./subjects.js";
import { tokenLength } from "./tokens.js";

/** So that there is room in a subject for whatever else stands there. */
const longestId = 200;

/** Agents may have tasks of the same id, so the parent's is a part of it. */
export function childId(parent: TaskName, run: number, place: number): string {
  return derived(ofAgent(parent), run === 0 ? `${place}` : `${run}-${place}`);
}

export function fallbackId(task: TaskName): string {
  return derived(ofAgent(task), "fallback");
}

/** No two letters of a stream are at the same place, whosever they are. */
export function redriveId(taskId: string, letter: number): string {
  return derived(taskId, `redrive-${letter}`);
}

function ofAgent({ agent, taskId }: TaskName): string {
  const name = /[~%]/.test(agent)
    ? agent.replaceAll("%", "%25").replaceAll("~", "%7e")
    : agent;
  return `${taskId}~${name}`;
}

function derived(from: string, what: string): string {
  const id = `${from}~${what}`;
  if (tokenLength(id) <= longestId) return id;
  const hash = createHash("sha256").update(from, "utf8").digest("base64url");
  return `~${hash}~${what}`;
}
