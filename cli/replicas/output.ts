// What replicas and their supervisor say, so that one can tell who said it: for people each line begins with the
// replica's number; with --json each line is an object that names it.
import { logLine } from "../log-line.js";
import type { Output } from "../output.js";
import { toTerminal } from "../visible.js";
import type { Replica, Stream } from "./replica.js";

/** Replicas have colours of their own, so that the eye can follow one. */
const colours = ["cyan", "green", "magenta", "yellow", "blue"] as const;

export function passOn(
  output: Output,
  { number }: Replica,
  stream: Stream,
  text: string,
): void {
  const colour = colours[number % colours.length]!;
  const line = output.json
    ? JSON.stringify(toObject(number, stream, text))
    : `${toTerminal(output.paint(colour, `[${number}]`))} ${(process.stderr.isTTY && logLine(text)) || text}`;
  process[stream].write(`${line}\n`);
}

/** What is an object already, from the command or a logger, is given the number. */
function toObject(replica: number, stream: Stream, text: string): object {
  const said = text.startsWith("{") ? objectOf(text) : undefined;
  return said ? { replica, ...said } : { replica, [stream]: text };
}

function objectOf(text: string): object | undefined {
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
