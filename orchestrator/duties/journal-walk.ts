// The journals of all tasks, those with the oldest writes first.
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
