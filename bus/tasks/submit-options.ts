// What may be said of a task when it is submitted.
import type { Duration } from "../../protocol/duration.js";
import type { ContentType } from "../../protocol/headers.js";
import type { Level } from "../../protocol/levels.js";

export interface SubmitOptions {
  /** Names the task; submitting the same id twice is one task. Default a ULID. */
  id?: string;
  /** Default normal. Tasks with a key have none: their order counts more. */
  priority?: Level;
  /** Tasks of an agent with the same key are handled one at a time and in order. */
  key?: string;
  /** Handle it no sooner. */
  delay?: Duration;
  /** Fail it when it has not ended by then. */
  deadline?: Duration | Date;
  /** The A2A context: tasks that belong together. */
  context?: string;
  /** Which version of the agent, when two run side by side. Default main, or as its lanes are split. */
  lane?: string;
  /** The format of the message and of its events. Default msgpack. */
  format?: ContentType;
}

/** What routing adds. */
export interface Routed {
  /** Why it goes there, for its history. */
  route?: string;
  /** The skills that it has fallen back from, for it not to come back to them. */
  fallbackOf?: string;
  /** The task that calls it, as its header says it. */
  parent?: string;
  /** How many plans it is within. */
  depth?: number;
  /** The task whose journal it begins with, as its header says it. */
  forkOf?: string;
  /** The id cannot have been submitted before. */
  isNew?: boolean;
  /** Nor has this one; but somebody else may submit it at the same time. */
  isFirst?: boolean;
}

/** What a schedule adds. */
export interface Scheduled {
  /** Its queue was made when it was scheduled; who fires need not have the permission to look. */
  hasQueue?: boolean;
}

export interface CallOptions extends SubmitOptions {
  /** How long to wait for the end. Default 1m; the task itself goes on. */
  timeout?: Duration;
}

export const defaultWaitMs = 60_000;
