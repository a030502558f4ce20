// Text for a terminal that does what its reader sees and nothing else. What others wrote (questions, results, errors,
// ids) may hold characters that move the cursor, erase what was written or turn its direction, so that a person would
// approve something else than what stands there: such characters are shown as they are written in a program, \x1b.
//
// 1. Everything that is written passes `toTerminal` or `inJson`, and table cells `inCell` before they are measured.
// 2. Colours are marks until then, which nobody can write who does not know this process's number.
import { randomInt } from "node:crypto";
import { inspect } from "node:util";

export type Colour =
  "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta" | "blue";

/** Those that other programs would take a part of a text for; a terminal takes U+009B for the beginning of a command. */
const misleading = String.raw`\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
const own = Array.from({ length: 3 }, () => randomInt(1_000, 10_000)).join(";");
const mark = String.raw`\x1b\[${own};(\d+)m`;
const marks = new RegExp(mark, "g");
const markOrMisleading = new RegExp(`${mark}|[${misleading}]`, "g");
const inJsonText = new RegExp(`[${misleading}]`, "g");

/** In this colour, as soon as it is written. */
export function painted(colour: Colour, text: string): string {
  const [on, off] = inspect.colors[colour]!;
  return `\x1b[${own};${on}m${text}\x1b[${own};${off}m`;
}

export const withoutColours = (text: string): string =>
  text.replaceAll(marks, "");

/** Lines and columns are the command's own layout. */
export function toTerminal(text: string): string {
  return text.replaceAll(markOrMisleading, (found, colour?: string) => {
    if (colour !== undefined) return `\x1b[${colour}m`;
    return found === "\n" || found === "\t" ? found : visible(found);
  });
}

/** As one line, with the marks of its colours. */
export function inCell(text: string): string {
  return text.replaceAll(markOrMisleading, (found, colour?: string) =>
    colour === undefined ? visible(found) : found,
  );
}

/** JSON that says the same; line breaks and tabs are between its values. */
export function inJson(text: string): string {
  return text.replaceAll(inJsonText, (found) =>
    found === "\n" || found === "\t"
      ? found
      : `\\u${codeOf(found).padStart(4, "0")}`,
  );
}

function visible(character: string): string {
  if (character === "\n") return String.raw`\n`;
  if (character === "\r") return String.raw`\r`;
  if (character === "\t") return String.raw`\t`;
  const code = codeOf(character);
  return code.length > 2
    ? `\\u${code.padStart(4, "0")}`
    : `\\x${code.padStart(2, "0")}`;
}

const codeOf = (character: string): string =>
  character.charCodeAt(0).toString(16);
