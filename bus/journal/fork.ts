// Forks: a new task that begins where another was, with what that had done until then.
//
// 1. The journal is written before the task is submitted. Who dies in between leaves a journal that nothing reads: it
//    counts only for a task whose message says that it is a fork. Who tries again with the same id finds it.
// 2. A fork with an id of its own is the same fork, however often it is made.
import { isDeepStrictEqual } from "node:util";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { newId } from "../../protocol/ids.js";
import {
  isCompletion,
  journalSeed,
  type JournalEntry,
} from "../../protocol/journal.js";
import {
  cutBefore,
  placeOf,
  refuseUndone,
} from "../../protocol/journal-cut.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import type { TaskName } from "../../protocol/subjects.js";
import { forkHeader } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";
import type { SubmitOptions } from "../tasks/submit-options.js";
import type { Submitter } from "../tasks/submitter.js";
import { findTask } from "../tasks/task-list.js";
import { readJournal } from "./journal.js";
import { JournalWriter } from "./journal-writer.js";
import { readTaskJournal } from "./task-journal.js";

export interface ForkOptions extends SubmitOptions {
  /** Which operation is the first to be done anew: by its name, or its place from 0. */
  before: number | string;
  /** Default: as the old task's. */
  input?: unknown;
  /** Whose task it is, where two agents have one of this id. */
  agent?: string;
  /** Also where steps before that place were undone. */
  force?: boolean;
}

export interface Fork extends TaskName {
  /** The place of the first operation that is done anew. */
  place: number;
  /** There was such a fork already. */
  duplicate: boolean;
}

interface ForkHost {
  link: Link;
  publisher: Publisher;
  submitter: Submitter;
}

/** Throws TASK_UNKNOWN, ARGUMENT_INVALID, and what `submit` throws. */
export async function forkTask(
  host: ForkHost,
  taskId: string,
  { before, agent, force = false, ...given }: ForkOptions,
): Promise<Fork> {
  const old = await readTaskJournal(host.link, taskId, agent);
  const place = placeOf(old.entries, before, taskId);
  if (!force) refuseUndone(old.entries, place, taskId);
  const input = "input" in given ? given.input : inputOf(old);
  const target = { agent: old.agent, name: old.skill };
  const options = { ...given, id: given.id ?? newId() };
  const fork = { agent: old.agent, taskId: options.id, place };
  await host.submitter.drafting.draft(target, input, options);
  if (given.id !== undefined && (await isThere(host, fork, old)))
    return { ...fork, duplicate: true };
  await writeOnce(host, fork, forkedEntries(host, old, place));
  const { stored } = await host.submitter.submit(target, input, {
    ...options,
    forkOf: forkHeader(old, place),
  });
  return { ...fork, duplicate: stored.duplicate };
}

function inputOf({ taskId, state, input }: TaskJournal): unknown {
  if (state !== undefined) return input;
  throw new TroupeError(
    "TASK_UNKNOWN",
    `task "${taskId}" has aged out, and with it who was to do what: its journal alone cannot be forked`,
  );
}

/** Whether the fork has been made. Throws ARGUMENT_INVALID where the id is that of another task. */
async function isThere(
  { link }: ForkHost,
  { agent, taskId }: TaskName,
  old: TaskName,
): Promise<boolean> {
  if (!(await findTask(link, taskId, agent))) return false;
  const { entries } = await readJournal(link, { agent, taskId });
  const [first] = entries;
  const isFork =
    first?.kind === "forked" &&
    first.agent === old.agent &&
    first.taskId === old.taskId;
  if (isFork) return true;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `there is another task "${taskId}" of agent "${agent}": give the fork an id that is not taken`,
  );
}

function forkedEntries(
  { link }: ForkHost,
  old: TaskJournal,
  place: number,
): JournalEntry[] {
  const copied = cutBefore(old.entries, place);
  const first: JournalEntry = {
    kind: "forked",
    at: link.clock.now(),
    agent: old.agent,
    taskId: old.taskId,
    seed: journalSeed(old, old.entries),
    place,
    copied: copied.filter(isCompletion).length,
  };
  return [first, ...copied];
}

/** Over what may stand there of an earlier attempt, unless that is the same. */
async function writeOnce(
  { link, publisher }: ForkHost,
  fork: TaskName,
  entries: JournalEntry[],
): Promise<void> {
  const there = await readJournal(link, fork);
  if (isSame(there.entries, entries)) return;
  const writer = new JournalWriter(link, publisher, fork, there);
  try {
    await writer.append(entries, there.last > 0);
  } catch (error) {
    if (!isConflict(error)) throw error;
    // Somebody makes a fork of the same id just now: the same, or another.
    const theirs = await readJournal(link, fork);
    if (isSame(theirs.entries, entries)) return;
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `task "${fork.taskId}" is just being made by somebody else, as another fork: give yours another id`,
      { cause: error },
    );
  }
}

/** But for when it was made. */
function isSame(there: JournalEntry[], wanted: JournalEntry[]): boolean {
  const [first, ...rest] = wanted;
  const [found, ...others] = there;
  if (first?.kind !== "forked" || found?.kind !== "forked") return false;
  return (
    isDeepStrictEqual({ ...found, at: 0 }, { ...first, at: 0 }) &&
    isDeepStrictEqual(others, rest)
  );
}
