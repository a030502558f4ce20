// Columns for people: each as wide as its widest cell.
import { stripVTControlCharacters } from "node:util";

export type Row = readonly string[];

export function alignColumns(rows: readonly Row[], gap = 2): string[] {
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

export function padTo(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - widthOf(cell)));
}

const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;

/** One line of at most so many characters; colours are not counted, and go where it is cut. */
export function shorten(text: string, length: number): string {
  if (widthOf(text) <= length && !/\s\s|[\n\t]/.test(text)) return text;
  const line = stripVTControlCharacters(text).replaceAll(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
