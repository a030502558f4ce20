// Columns for people: each as wide as its widest cell.
import { inCell, withoutColours } from "./visible.js";

export type Row = readonly string[];

export function alignColumns(given: readonly Row[], gap = 2): string[] {
  const rows = given.map((row) => row.map(inCell));
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
    });
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === row.length - 1 ? cell : padTo(cell, widths[at]! + gap),
      )
      .join("")
      .trimEnd(),
  );
}

export function padTo(given: string, width: number): string {
  const cell = inCell(given);
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

const widthOf = (cell: string): number => withoutColours(cell).length;

/** One line of at most so many characters; colours are not counted, and go where it is cut. */
export function shorten(given: string, length: number): string {
  const text = inCell(oneLine(given));
  if (widthOf(text) <= length) return text;
  return `${withoutColours(text).slice(0, length - 1)}…`;
}

/** With a blank for each run of blanks and line breaks. */
const oneLine = (text: string): string =>
  /\s\s|[\n\t]/.test(text) ? text.replaceAll(/\s+/g, " ").trim() : text;
