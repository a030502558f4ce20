// What stands between a task and its handler: one of the policies of this folder.
import { createHash } from "node:crypto";
import type { Link } from "../../bus/connection/connection.js";
import type { LogicalClock } from "../../bus/connection/logical-clock.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type { AgentEventKind } from "../../protocol/agent-events.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { TaskFacts } from "../task-context.js";

/** What a task that passed says of its skill when it is over; `unused` when its handler never ran. */
export type Verdict = "succeeded" | "failed" | "unused";
export type Leave = (verdict: Verdict) => void;

/** All of it is decided from what is known here; what is shared is asked for in the background. */
export interface Policy {
  start?(): Promise<void>;
  /** To which of its parts (tenant, key class) a task belongs; "" where it has but one. */
  partOf(input: unknown, task: TaskFacts): string;
  /** Whether one more may pass now. */
  isFree(part: string): boolean;
  /** One more passes; only when it is free. */
  enter(part: string): Leave;
  /** Whether nothing passes for a while, so that callers had better go elsewhere. */
  isShut?(): boolean;
  /** So many tasks wait for nothing but this: calls the host's `onFree` when it has become free. */
  wanted(part: string, tasks: number): void;
  /** About how long a task that cannot pass now has to wait, in milliseconds. */
  waitMs(part: string): number;
  /** How far apart tasks are to come back that were sent away. */
  spacingMs(): number;
  /** Why it cannot. */
  refusal(part: string): TroupeError;
  stop(): Promise<void> | void;
}

export interface PolicyHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly clock: LogicalClock;
  readonly agent: string;
  readonly skill: string;
  readonly lane: string;
  readonly instance: string;
  /** How long a silent instance is waited for. */
  readonly patienceMs: number;
  /** Something may pass that could not before. */
  onFree(this: void): void;
  /** An event on the log. */
  tell(this: void, kind: AgentEventKind, data: Record<string, unknown>): void;
}

/** Throws a terminal HANDLER_FAILED for a function that throws or gives no text: the skill has a fault. */
export function partBy(
  by: ((input: unknown, task: TaskFacts) => unknown) | undefined,
  what: string,
  input: unknown,
  task: TaskFacts,
): string {
  if (by === undefined) return "";
  let part: unknown;
  try {
    part = by(input, task);
  } catch (cause) {
    throw faulty(task, `"by" of its ${what} threw: ${messageOf(cause)}`, cause);
  }
  if (typeof part === "string") return part;
  throw faulty(
    task,
    `"by" of its ${what} gave a value of type ${typeof part}, and not a string`,
  );
}

function faulty(
  { id, agent, skill }: TaskFacts,
  what: string,
  cause?: unknown,
): TroupeError {
  return new TroupeError(
    "HANDLER_FAILED",
    `task "${id}" cannot be told a limit of ${agent}.${skill}: ${what}; mend the function, then redrive the dead letter`,
    { cause, retryable: false },
  );
}

/** A part as a token of a bucket's key: any text, however long. "#" stands in no plain one. */
export function partToken(part: string): string {
  if (/^[\w-]{1,64}$/.test(part)) return part;
  return `#${createHash("sha256").update(part, "utf8").digest("hex").slice(0, 40)}`;
}
