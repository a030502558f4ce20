// The journal of a task: what its handler has done so far, so that a later attempt does not do it again. A message
// of the journal holds the entries that were written together.
//
// An operation (a step, a call, a wait) is known by its ordinal: the how-manieth the handler began.
import { z } from "zod";
import { decodeBody, encodeBody } from "./codec.js";
import { messageOf, TroupeError } from "./errors.js";
import { rpcError } from "./rpc.js";

const operation = {
  op: z.number().int().nonnegative(),
  type: z.enum(["step", "call", "sleep", "signal", "now"]),
  name: z.string(),
};
const at = z.number();
/** By whom, and what they say about it. */
const decided = { at, by: z.string().optional(), note: z.string().optional() };

export const journalEntry = z.discriminatedUnion("kind", [
  /**
   * A wait, or a call whose target was chosen: what must stay the same however often it is looked at. Or a step that can
   * be undone and is the first: that its task has done something is to be known before it has.
   */
  z.object({
    kind: z.literal("begun"),
    ...operation,
    at,
    /** When the wait is over, on the server's clock. */
    until: z.number().optional(),
    /** Of a call: whom. */
    agent: z.string().optional(),
    skill: z.string().optional(),
  }),
  /** An attempt of a step failed and is to be made again. */
  z.object({
    kind: z.literal("attempt"),
    ...operation,
    at,
    attempt: z.number(),
    error: rpcError,
    retryAt: z.number(),
  }),
  z.object({
    kind: z.literal("done"),
    ...operation,
    at,
    value: z.unknown().optional(),
    input: z.unknown().optional(),
    attempt: z.number().optional(),
    tookMs: z.number().optional(),
    /** Of a call: its task. Of a signal: its id. */
    id: z.string().optional(),
  }),
  /** For good: its handler is told. */
  z.object({
    kind: z.literal("failed"),
    ...operation,
    at,
    error: rpcError,
    input: z.unknown().optional(),
    attempt: z.number().optional(),
    tookMs: z.number().optional(),
    id: z.string().optional(),
  }),
  /** A signal did not fit what its waiter expects, and counts as taken. */
  z.object({
    kind: z.literal("refused"),
    ...operation,
    at,
    id: z.string(),
    error: rpcError,
  }),
  /** The handler had changed when it came by here for the first time. */
  z.object({ kind: z.literal("patched"), name: z.string(), at }),
  /** The handler is over, and what it did is undone. */
  z.object({
    kind: z.literal("undoing"),
    at,
    error: rpcError,
    state: z.enum(["failed", "canceled", "rejected"]),
    /** What there is to undo, in the order in which it was done; absent as long as that is not known. */
    ops: z.array(operation.op).optional(),
  }),
  z.object({ kind: z.literal("undone"), op: operation.op, at }),
  /** An attempt to undo failed; without `retryAt` it is the last. */
  z.object({
    kind: z.literal("undo-failed"),
    op: operation.op,
    at,
    attempt: z.number(),
    error: rpcError,
    retryAt: z.number().optional(),
  }),
  /** Somebody decided about an undo that had failed: it counts as done, and the others go on. */
  z.object({ kind: z.literal("undo-skipped"), op: operation.op, ...decided }),
  /** Or it is to be tried again, as often as at first. */
  z.object({ kind: z.literal("undo-retry"), ...decided }),
  /** Or all that stood has been undone by hand. */
  z.object({ kind: z.literal("undo-resolved"), ...decided }),
  /** Or nothing more of it is to be undone, until somebody orders that. */
  z.object({ kind: z.literal("undo-declined"), ...decided }),
  /** It ends so before it has done anything: nothing may be written any more. */
  z.object({
    kind: z.literal("canceled"),
    at,
    error: rpcError.optional(), // older ones have none
  }),
  /**
   * Its executor was silent for so long that another may have the task, and says that it goes on with it: whoever else
   * believes to have it is refused from now on.
   */
  z.object({ kind: z.literal("held"), at }),
  /** This handler does not fit. */
  z.object({
    kind: z.literal("mismatch"),
    at,
    expected: z.string(),
    found: z.string(),
    version: z.string(),
  }),
  /** Stands first: the task goes on with another input, as if from its beginning. */
  z.object({
    kind: z.literal("continued"),
    at,
    input: z.unknown(),
    run: z.number(),
    /** By name: the place of the last signal that was used up before. */
    taken: z.array(z.tuple([z.string(), z.number()])).optional(),
  }),
  /** Stands first: the entries that follow are another task's. */
  z.object({
    kind: z.literal("forked"),
    at,
    agent: z.string(),
    taskId: z.string(),
    seed: z.string(),
    /** Where the others' operations end. */
    place: z.number(),
    /** So many completions are theirs: the first. */
    copied: z.number(),
  }),
]);

export type JournalEntry = z.infer<typeof journalEntry>;
export type OperationType = z.infer<typeof operation.type>;
/** What settles an operation. */
export type Completion = Extract<JournalEntry, { kind: "done" | "failed" }>;

/** Who wrote a message of a journal, and which of its messages it is: by these it knows its own. */
export interface JournalWrite {
  by: string;
  n: number;
  entries: JournalEntry[];
  /** Instead of entries that are larger than a message: the places of the parts of the write that has them. */
  parts?: number[] | undefined;
}

const write = z.object({
  by: z.string(),
  n: z.number(),
  entries: z.array(journalEntry),
  parts: z.array(z.number()).optional(),
});

/** Throws ARGUMENT_INVALID for a value that cannot be encoded. */
export function encodeWrite(write: JournalWrite): Uint8Array {
  return encodeBody(write);
}

/** Throws JOURNAL_UNREADABLE (R7). */
export function decodeWrite(bytes: Uint8Array, taskId: string): JournalWrite {
  try {
    return write.parse(decodeBody(bytes));
  } catch (cause) {
    throw unreadableJournal(taskId, cause);
  }
}

export function unreadableJournal(taskId: string, cause: unknown): TroupeError {
  return new TroupeError(
    "JOURNAL_UNREADABLE",
    `the journal of task "${taskId}" cannot be read: something else, or a newer version, has written to it (${messageOf(cause)})`,
    { cause },
  );
}

export function isCompletion(entry: JournalEntry): entry is Completion {
  return entry.kind === "done" || entry.kind === "failed";
}

export type Misfit = Extract<JournalEntry, { kind: "mismatch" }>;

/** What stops a task: the newest handler that did not fit, as long as none has gone on since. */
export function misfitOf(entries: readonly JournalEntry[]): Misfit | undefined {
  const last = entries.at(-1);
  return last?.kind === "mismatch" ? last : undefined;
}

/** What the random values of a task follow from. Of a fork, as with the task it was forked from: it draws the same. */
export function journalSeed(
  { agent, taskId }: { agent: string; taskId: string },
  entries: readonly JournalEntry[],
): string {
  const first = entries[0];
  if (first?.kind === "forked") return first.seed;
  const run = runOf(entries);
  return `${agent}/${taskId}${run === 0 ? "" : `/${run}`}`;
}

/** How often it has gone on with another input. */
export function runOf(entries: readonly JournalEntry[]): number {
  const first = entries[0];
  return first?.kind === "continued" ? first.run : 0;
}

/** Names that users give to signals do not begin so. */
export const cancelSignal = "$cancel";
