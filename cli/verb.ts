// What a verb of the command line is: what it takes, how it is explained, what it does.
import { parseArgs } from "node:util";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { wrongUsage, type ExitCode } from "./exit.js";
import { unknownWord } from "./nearest.js";
import type { Output } from "./output.js";

export interface Option {
  type: "string" | "boolean";
  /** How its value is called in the help. */
  value?: string;
  help: string;
  multiple?: boolean;
  short?: string;
}

export type Options = Readonly<Record<string, Option>>;

export interface Verb {
  summary: string;
  /** What follows "troupe ", one form a line. */
  usage: readonly string[];
  options: Options;
  example: string;
  run(call: Call): Promise<ExitCode>;
}

export const commonOptions: Options = {
  url: {
    type: "string",
    value: "URL",
    help: "nats-server to use (default $NATS_URL, else the project's own)",
  },
  namespace: {
    type: "string",
    value: "NAME",
    help: "which troupe on the server (default troupe)",
  },
  json: { type: "boolean", help: "one JSON object a line, for programs" },
  help: { type: "boolean", short: "h", help: "this page" },
};

/** What the user typed, parsed. */
export class Call {
  readonly words: readonly string[];
  readonly output: Output;
  /** Those of its verb. */
  readonly options: Options;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(
    words: readonly string[],
    values: Readonly<Record<string, unknown>>,
    output: Output,
    options: Options,
  ) {
    this.words = words;
    this.options = options;
    this.#values = values;
    this.output = output;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** All values of an option that may be given several times, or several with commas. */
  texts(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value)
      ? value.flatMap((text: string) => text.split(",")).filter(Boolean)
      : [];
  }

  /** The same, each as it was given: its commas are its own. */
  given(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? (value as string[]) : [];
  }

  whole(name: string): number | undefined {
    const number = this.number(name);
    if (number === undefined || Number.isInteger(number)) return number;
    throw wrongUsage(`--${name} "${number}" is no whole number`);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (text.trim() !== "" && Number.isFinite(number) && number >= 0)
      return number;
    throw wrongUsage(`--${name} "${text}" is no number from 0 up`);
  }

  /** The word at this place. Throws ARGUMENT_INVALID when it is missing. */
  word(at: number, what: string): string {
    const word = this.words[at];
    if (word !== undefined && word !== "") return word;
    throw wrongUsage(`${what} is missing: see --help`);
  }

  /** Throws ARGUMENT_INVALID for a word that nobody asked for. */
  atMost(count: number): void {
    const extra = this.words[count];
    if (extra !== undefined)
      throw wrongUsage(`"${extra}" is one word too many: see --help`);
  }
}

/** Throws ARGUMENT_INVALID, with the nearest option for one that is unknown. */
export function parseWords(
  verb: Pick<Verb, "options">,
  args: readonly string[],
): { words: string[]; values: Record<string, unknown> } {
  const options = { ...commonOptions, ...verb.options };
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
    });
    return { words: positionals, values: notEmpty({ ...values }) };
  } catch (error) {
    if (error instanceof TroupeError) throw error;
    throw wrongUsage(explain(error, Object.keys(options)));
  }
}

/** Of a variable that is not set a shell makes an empty word, and what it stands for would be another server. */
function notEmpty(values: Record<string, unknown>): Record<string, unknown> {
  for (const name of ["url", "namespace"])
    if (values[name] === "")
      throw wrongUsage(`--${name} is empty: say which, or leave it out`);
  return values;
}

function explain(error: unknown, known: readonly string[]): string {
  const text = messageOf(error);
  const unknown = /^Unknown option '--?([^']*)'/.exec(text)?.[1];
  if (unknown === undefined) return text.split("\n")[0]!;
  const dashed = known.map((name) => `--${name}`);
  return unknownWord("option", `--${unknown}`, dashed);
}
