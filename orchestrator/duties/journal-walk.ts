// The journals of all tasks, those with the oldest writes first.
import type { Link } from "../../bus/connection/connection.js";
import { parseJournalSubject } from "../../protocol/addresses.js";
import type { TaskName } from "../../protocol/subjects.js";
import type { DutyHost } from "./duty.js";
import { Walk } from "./walk.js";

/** A task with a journal, and a write of it; there may be later ones. */
export interface Written extends TaskName {
  sequence: number;
  at: number;
}

export function journalWalk(host: DutyHost): Walk<Written> {
  const { streams, allJournals: filter } = host.link.subjects;
  return new Walk(host, {
    stream: streams.journal,
    filter,
    read: ({ subject, sequence, at }) => ({
      ...parseJournalSubject(subject),
      sequence,
      at: at.getTime(),
    }),
  });
}

/** How long the end of a task is kept; 0 where it is for ever. */
export async function historyMs({ jsm, subjects }: Link): Promise<number> {
  const { config } = await jsm.streams.info(subjects.streams.events);
  return config.max_age / 1_000_000;
}
