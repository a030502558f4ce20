// An actor's record: all that is known of one context, in one message, which one compare-and-set replaces.
// It is kept as bytes even while it is hot, so that an attempt that fails has changed nothing, and so that a
// context behaves the same whether it was awake or asleep.
import { z } from "zod";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { ActorDefinition } from "./actor-definition.js";
import type { Effect } from "./effects.js";

/** What XState persists of a machine and its children. */
export interface Persisted {
  status: string;
  value?: unknown;
  children?: Record<string, { snapshot: Persisted }>;
  /** Of a called skill: its task. */
  call?: { task: string; agent: string };
}

/** A delayed event under way. The actors in it are named by the way to them from the root. */
export interface Timer {
  /** The message that brings it. */
  task: string;
  source: readonly string[];
  target: readonly string[];
  /** By which the machine cancels it. */
  id: string;
  event: { type: string };
  dueAt: number;
}

/** What a machine is restored from. */
export interface ActorState {
  snapshot: Persisted;
  timers: readonly Timer[];
}

/** The last message of a lane that changed the record. */
export interface Handled {
  task: string;
  /** Its place in the queue, and its time there: what came before it is done with. */
  sequence: number;
  at: number;
  /** What its task returns. Absent when it ended otherwise, and the record only says so. */
  result?: unknown;
  /** How it ended otherwise. */
  failure?: { code: string; message: string };
  effects: readonly Effect[];
  /** What to run once more for its own actions, when a crash may have kept them from running. */
  before?: ActorState | "start";
}

export interface ActorRecord {
  context: string;
  /** Of the machine that wrote the snapshot. */
  version: string;
  /** Absent where no message has been handled yet, but one has failed. */
  state?: ActorState;
  /** By lane: the lanes of one agent have queues of their own. */
  handled: Readonly<Record<string, Handled>>;
  /** Stands still: the task that nobody could handle. */
  stopped?: { task: string; message: string };
}

const record = z.object({
  context: z.string(),
  version: z.string(),
  state: z
    .object({
      snapshot: z.looseObject({ status: z.string() }),
      timers: z.array(z.looseObject({ task: z.string() })),
    })
    .optional(),
  handled: z.record(
    z.string(),
    z.looseObject({ task: z.string(), effects: z.array(z.unknown()) }),
  ),
  stopped: z.object({ task: z.string(), message: z.string() }).optional(),
});

/** Throws ARGUMENT_INVALID for a context that no format can carry. */
export function encodeRecord(record: ActorRecord): Uint8Array {
  return new Uint8Array(encodeBody(record)); // a copy, for the encoder's buffer is larger
}

/** Throws SNAPSHOT_REFUSED for what is no record (R7). */
export function decodeRecord(bytes: Uint8Array, name: string): ActorRecord {
  try {
    return record.parse(decodeBody(bytes)) as unknown as ActorRecord;
  } catch (cause) {
    throw new TroupeError(
      "SNAPSHOT_REFUSED",
      `the record of context ${name} cannot be read: something else has written to its key. Restore it, or delete the key to start anew`,
      { cause, retryable: false },
    );
  }
}

/** The state as this version of the machine understands it. Throws SNAPSHOT_REFUSED. */
export function stateOf(
  { agent, version, migrate }: ActorDefinition,
  record: ActorRecord,
): ActorState | undefined {
  const { state, context } = record;
  if (!state || record.version === version) return state;
  const where = `context "${context}" of agent "${agent}" has a snapshot of version "${record.version}", and this instance has version "${version}"`;
  if (!migrate)
    throw new TroupeError(
      "SNAPSHOT_REFUSED",
      `${where} without a migrate function: give the agent one, or serve the version that wrote it`,
    );
  try {
    return {
      ...state,
      snapshot: migrate(state.snapshot, record.version) as Persisted,
    };
  } catch (cause) {
    throw new TroupeError(
      "SNAPSHOT_REFUSED",
      `${where}, and its migrate function failed: ${messageOf(cause)}`,
      { cause },
    );
  }
}
