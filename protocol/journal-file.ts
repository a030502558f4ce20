// A task's journal as a file, to be kept beside the tests of its agent.
import { z } from "zod";
import { messageOf, TroupeError } from "./errors.js";
import { journalEntry } from "./journal.js";
import { fromRpcError, rpcError, toRpcError } from "./rpc.js";
import { fromTagged, toTagged } from "./tagged-json.js";
import { taskStates } from "./task.js";
import type { TaskJournal } from "./task-journal.js";

/** Of the form of the file, for a later one to be told from this. */
const version = 1;

/** As `JSON.parse` gives it. */
export interface JournalFile {
  troupeJournal: number;
  [field: string]: unknown;
}

const content = z.object({
  task: z.object({
    id: z.string(),
    agent: z.string(),
    skill: z.string(),
    state: z.enum(taskStates).optional(),
    context: z.string().optional(),
    attempts: z.number().optional(),
  }),
  input: z.unknown().optional(),
  entries: z.array(journalEntry),
  signals: z.array(
    z.object({
      name: z.string(),
      id: z.string(),
      value: z.unknown().optional(),
      at: z.date(),
    }),
  ),
  output: z.unknown().optional(),
  error: rpcError.optional(),
});

export function toJournalFile(journal: TaskJournal): JournalFile {
  const {
    taskId: id,
    agent,
    skill,
    state,
    context,
    attempts,
    error,
    ...rest
  } = journal;
  const { input, entries, signals, output } = rest;
  const content = {
    task: { id, agent, skill, state, context, attempts },
    input,
    entries,
    signals: signals.map(({ name, id, value, at }) => ({
      name,
      id,
      value,
      at,
    })),
    output,
    error: error && toRpcError(error),
  };
  const fields = toTagged(content) as Record<string, unknown>;
  return { troupeJournal: version, ...fields };
}

/** A journal, or the file of one, parsed or as text. Throws ARGUMENT_INVALID for anything else. */
export function toTaskJournal(
  given: TaskJournal | JournalFile | string,
): TaskJournal {
  const value: unknown = typeof given === "string" ? parse(given) : given;
  if (!isFile(value)) return value as TaskJournal;
  if (value.troupeJournal !== version)
    throw unreadable(
      `its form ${value.troupeJournal} is not ${version}: a newer version of Troupe wrote it`,
    );
  const { troupeJournal: _version, ...fields } = value;
  const parsed = content.safeParse(fromTagged(fields));
  if (!parsed.success)
    throw unreadable(z.prettifyError(parsed.error).replaceAll("\n", " "));
  const { task, error, ...rest } = parsed.data;
  const { id: taskId, agent, skill, state, context, attempts } = task;
  return {
    taskId,
    agent,
    skill,
    state,
    ...(context === undefined ? {} : { context }),
    ...(attempts === undefined ? {} : { attempts }),
    input: rest.input,
    entries: rest.entries,
    signals: rest.signals.map((signal) => ({ value: undefined, ...signal })),
    ...(rest.output === undefined ? {} : { output: rest.output }),
    ...(error ? { error: fromRpcError(error) } : {}),
  };
}

function isFile(value: unknown): value is JournalFile {
  const { troupeJournal, entries, taskId } = (value ??
    {}) as Partial<JournalFile>;
  if (troupeJournal !== undefined) return true;
  if (Array.isArray(entries) && typeof taskId === "string") return false;
  throw unreadable("it is no journal: npx troupe journal export ID writes one");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(`it is no JSON (${messageOf(cause)})`);
  }
}

function unreadable(why: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `the file of a journal cannot be read: ${why}`,
  );
}
