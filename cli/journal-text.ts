// The journal of a task for people: a row for each entry, in the order in which they were written, with the signals
// among them as they came.
import { formatMs } from "../protocol/duration.js";
import type { TaskJournal } from "../protocol/task-journal.js";
import { timeOf } from "./times.js";
import {
  Known,
  saidOf,
  saidOfSignal,
  type Said,
} from "./journal-entry-text.js";
import type { Output } from "./output.js";
import { shorten } from "./table.js";

export const journalHead = [
  "PLACE",
  "TIME",
  "KIND",
  "NAME",
  "",
  "ATTEMPT",
  "TOOK",
  "WHAT",
];

export function journalRows(journal: TaskJournal, output: Output): string[][] {
  const known = new Known(journal.entries);
  const rows: { at: number; said: Said }[] = journal.entries
    .filter((entry) => !known.isToldLater(entry))
    .map((entry) => ({ at: entry.at, said: saidOf(entry, known) }));
  for (const signal of journal.signals) {
    const at = signal.at.getTime();
    const place = rows.findIndex((row) => row.at > at);
    const row = { at, said: saidOfSignal(signal) };
    rows.splice(place === -1 ? rows.length : place, 0, row);
  }
  return rows.map(({ at, said }) => toRow(at, said, output));
}

function toRow(at: number, said: Said, output: Output): string[] {
  const { place, kind, name = "", how, attempt, tookMs, what = "" } = said;
  return [
    place === undefined ? "" : String(place),
    output.paint("dim", timeOf(new Date(at))),
    kind,
    shorten(name, 40),
    how ? output.paint(...how) : "",
    attempt === undefined ? "" : String(attempt),
    tookMs === undefined ? "" : formatMs(tookMs),
    what,
  ];
}
