// What a task is: the states it may be in and the events it leaves on the log.
import type { TroupeError } from "./errors.js";
import type { Level } from "./levels.js";
import type { Progress } from "./mcp.js";
import type { Route } from "./route.js";
import { taskLifecycle, type TaskState } from "./task.machine.js";

export type { TaskState };

/** The last states of its machine; protocol/task.machine.ts tells of them all. */
export const terminalStates = [
  "completed",
  "failed",
  "canceled",
  "rejected",
] as const satisfies TaskState[];
/** In the order in which a task may come to them. */
export const taskStates = [
  "submitted",
  "working",
  "input-required",
  "auth-required",
  ...terminalStates,
] as const satisfies TaskState[];

export type TerminalState = (typeof terminalStates)[number];
/** How a task ends otherwise than by its output. */
export type EndState = Exclude<TerminalState, "completed">;

/** Of a state, or of the kind of an event. */
export function isTerminal(state: string): state is TerminalState {
  return terminalStates.some((terminal) => terminal === state);
}

/** Where a task stands, told from its events; `delivered` where only its queue knows that it was handed out. */
export function stateAfter(
  events: Iterable<Pick<TaskEvent, "kind">>,
  delivered = false,
): TaskState {
  const kinds = Array.from(events, ({ kind }) => kind);
  return taskLifecycle.fold(delivered ? ["delivered", ...kinds] : kinds);
}

/**
 * The last token but one of an event's subject. All terminal states share `end`: the first to be stored
 * under that one subject wins, by the server's compare-and-set (R2). Its Troupe-Type header says which it is.
 */
export type StoredKind =
  "started" | "attempt" | "returned" | "fallback" | "end";

export const typeOfState = (state: TerminalState): string => `task.${state}`;

export function stateOfType(
  type: string | undefined,
): TerminalState | undefined {
  return terminalStates.find((state) => type === `task.${state}`);
}

/** One event of a task as a reader sees it: from the log, or, for `progress`, live and not stored. */
export interface TaskEvent {
  taskId: string;
  agent: string;
  /**
   * `started` is only written for a redelivery: the first start of a task is its delivery. `returned` says
   * that such an attempt was given back undone, because its worker stopped. `fallback` says that another
   * skill does it now.
   */
  kind:
    | "started"
    | "attempt"
    | "returned"
    | "fallback"
    | "progress"
    | TerminalState;
  /** The attempt that it speaks of, from 1. */
  attempt?: number;
  /** When the server stored it; absent on what came live. */
  at?: Date;
  /** Its place on the log; absent on what came live. */
  sequence?: number;
  skill?: string;
  context?: string;
  /** Why it went where it went, where it was routed by a need. */
  route?: Route;
  /** Absent for the default lane, "main". */
  lane?: string;
  /** Absent for "normal", and on tasks with a key. */
  level?: Level;
  /** How long the handler ran, in milliseconds; absent below one, and where none ran. */
  tookMs?: number;
  input?: unknown;
  output?: unknown;
  error?: TroupeError;
  progress?: Progress & { data?: unknown };
  /** When the next attempt begins, on `attempt`. */
  retryAt?: Date;
  /** The task that does it instead, on `fallback`. */
  fallback?: {
    agent: string;
    skill: string;
    taskId: string;
    lane?: string | undefined;
  };
  /** Which instance did it. */
  instance?: string;
}
