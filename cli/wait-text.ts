// What a task waits for that has left its worker, for people.
import { dateOf } from "./times.js";

interface Wait {
  waitsFor: string;
  /** At the latest. */
  dueAt?: Date | undefined;
}

const isoDate = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** Of several waits one that only time ends: the first of all their times is told by itself. */
const laterDate = new RegExp(`, or ${isoDate.source}(?=$|, or )`, "g");

/** The end of a task that was called, and a new version, come when they come: they are only looked for now and then. */
const isOpen =
  /^(task "[^"]*" of [^ ]+|a version of its handler [^"]*)(, or task "[^"]*" of [^ ]+)*$/;

/** `sleeps until …`, `waits for signal "approval" until …` */
export function waitText({ waitsFor: all, dueAt }: Wait): string {
  const waitsFor = all.replaceAll(laterDate, "");
  const word = isOpen.test(waitsFor) ? "; it is looked for again" : " until";
  const until = dueAt === undefined ? "" : `${word} ${dateOf(dueAt)}`;
  return isSleep(waitsFor)
    ? `sleeps${until}`
    : `waits for ${inLocalTime(waitsFor)}${until}`;
}

/** The same of one that has just left its worker. */
export const parkedText = (waitsFor: string): string =>
  isSleep(waitsFor)
    ? `sleeps until ${inLocalTime(waitsFor)}`
    : `waits for ${inLocalTime(waitsFor)}`;

const isSleep = (waitsFor: string): boolean =>
  waitsFor.replaceAll(isoDate, "") === "";

function inLocalTime(waitsFor: string): string {
  return waitsFor.replaceAll(isoDate, (date) => dateOf(new Date(date)));
}
