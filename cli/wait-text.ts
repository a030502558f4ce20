// What a task waits for that has left its worker, for people.
import { dateOf } from "./event-line.js";

interface Wait {
  waitsFor: string;
  /** At the latest. */
  dueAt?: Date | undefined;
}

const isoDate = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** `sleeps until …`, `waits for signal "approval" until …` */
export function waitText({ waitsFor, dueAt }: Wait): string {
  const until = dueAt === undefined ? "" : ` until ${dateOf(dueAt)}`;
  const isSleep = waitsFor.replaceAll(isoDate, "") === "";
  return isSleep
    ? `sleeps${until}`
    : `waits for ${inLocalTime(waitsFor)}${until}`;
}

function inLocalTime(waitsFor: string): string {
  return waitsFor.replaceAll(isoDate, (date) => dateOf(new Date(date)));
}
