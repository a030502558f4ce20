// What is written where: results to stdout, hints and errors to stderr; with --json, one object a line.
import { messageOf, TroupeError } from "../protocol/errors.js";
import { alignColumns, type Row } from "./table.js";
import { inJson, painted, toTerminal, type Colour } from "./visible.js";

export type { Colour };

/** What is known under a name; a text that is not known is left out. */
export type Fact = readonly [name: string, text: string | undefined];

/** Where it writes: the process, or whoever runs the command within one. */
export interface Streams {
  readonly stdout: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    hasColors?(): boolean;
  };
  readonly stderr: { write(text: string): unknown };
}

export class Output {
  readonly json: boolean;
  readonly #streams: Streams;
  readonly #inColour: boolean;

  constructor(json: boolean, streams: Streams = process) {
    this.json = json;
    this.#streams = streams;
    const { NO_COLOR } = process.env;
    this.#inColour =
      streams.stdout.isTTY === true &&
      streams.stdout.hasColors?.() !== false &&
      (NO_COLOR === undefined || NO_COLOR === "");
  }

  line(text = ""): void {
    this.#streams.stdout.write(`${toTerminal(text)}\n`);
  }

  object(value: unknown): void {
    const text = JSON.stringify(value, errorsAsObjects);
    this.#streams.stdout.write(`${inJson(text)}\n`);
  }

  /** One object with --json, else what is meant for people. */
  result(value: unknown, text: () => string): void {
    if (this.json) this.object(value);
    else this.line(text());
  }

  /** A table with a head, or one object a row; says so when there is none. */
  list<Item>(
    items: readonly Item[],
    head: Row,
    toRow: (item: Item) => Row,
    none: string,
  ): void {
    if (this.json) return items.forEach((item) => this.object(item));
    if (items.length === 0) return this.note(none);
    const rows = [head.map((cell) => this.paint("dim", cell))];
    for (const item of items) rows.push([...toRow(item)]);
    for (const line of alignColumns(rows)) this.line(line);
  }

  rows(rows: readonly Row[]): void {
    for (const line of alignColumns(rows)) this.line(line);
  }

  /** One a line, its name dim. */
  facts(facts: readonly Fact[]): void {
    const known = facts.filter(([, text]) => text !== undefined);
    this.rows(
      known.map(([name, text = ""]) => [this.paint("dim", name), text]),
    );
  }

  /** For people, beside the result. */
  note(text: string): void {
    if (!this.json) this.#streams.stderr.write(`${toTerminal(text)}\n`);
  }

  error(error: unknown): void {
    const code = codeOf(error);
    const message = oneLine(messageOf(error));
    const text = this.json
      ? inJson(JSON.stringify({ error: { code, message } }))
      : toTerminal(`error ${code}: ${message}`);
    this.#streams.stderr.write(`${text}\n`);
    if (isDebugging() && error instanceof Error)
      this.#streams.stderr.write(`${toTerminal(stackOf(error))}\n`);
  }

  paint(colour: Colour, text: string): string {
    return this.#inColour && text !== "" ? painted(colour, text) : text;
  }
}

/** As it stands in JSON output: dates in ISO form, errors as their code and message. */
function errorsAsObjects(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { retryable, data } = value as Partial<TroupeError>;
  return { code: codeOf(value), message: value.message, retryable, data };
}

const codeOf = (error: unknown): string =>
  error instanceof TroupeError ? error.code : "UNEXPECTED";

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ");

const isDebugging = (): boolean =>
  process.env["TROUPE_LOG"] === "debug" ||
  process.env["TROUPE_LOG"] === "trace";

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const own = error.stack ?? error.message;
  return cause ? `${own}\ncaused by ${stackOf(cause)}` : own;
}
