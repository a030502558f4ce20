// What the visitor sees: numbered steps, what happened in each, and a mark for all that was checked. Nothing
// is marked that was not seen to happen.
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { commandLine } from "../command-line.js";
import type { Output } from "../output.js";
import { alignColumns, shorten } from "../table.js";

/** What a step promised did not happen. */
export class NotAsPromised extends Error {
  readonly expected: string;
  readonly seen: string;

  constructor(what: string, expected: string, seen: string) {
    super(`${what}: expected ${expected}, seen ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

const margin = "   ";
const labelWidth = 13;

export class Stage {
  readonly output: Output;
  #steps = 0;
  #title = "";
  #checks: string[] = [];

  constructor(output: Output) {
    this.output = output;
  }

  open(where: string): void {
    if (this.output.json) return;
    this.output.line(this.output.paint("bold", "A tour of Troupe"));
    this.output.line(`All that you see happens now, on ${where}.`);
  }

  /** The next step, and what there is to see in it. */
  begin(title: string, explanation: readonly string[]): void {
    this.#finish();
    this.#steps++;
    this.#title = title;
    if (this.output.json) return;
    this.output.line();
    this.output.line(
      `${this.output.paint("cyan", String(this.#steps))}  ${this.output.paint("bold", title)}`,
    );
    for (const line of explanation)
      this.output.line(margin + this.output.paint("dim", line));
    this.output.line();
  }

  /** What happened, label by label. */
  show(rows: readonly (readonly [string, string])[]): void {
    if (this.output.json) return;
    const cells = rows.map(([label, text]) => [
      `${margin}  ${this.output.paint("dim", label.padEnd(labelWidth))}`,
      shorten(text, 100),
    ]);
    for (const line of alignColumns(cells, 3)) this.output.line(line);
  }

  /** Throws NotAsPromised. */
  expect(what: string, holds: boolean, expected: string, seen: unknown): void {
    if (!holds) throw new NotAsPromised(what, expected, text(seen));
    this.#checks.push(what);
    if (!this.output.json)
      this.output.line(`${margin}${this.output.paint("green", "✓")} ${what}`);
  }

  close(tookMs: number): void {
    this.#finish();
    if (this.output.json)
      return this.output.object({ done: true, steps: this.#steps, tookMs });
    this.output.line();
    this.output.line(
      `${this.output.paint("green", "All of it happened")}, in ${(tookMs / 1000).toFixed(1)} s. Next, to try it yourself: ${commandLine`dev`}`,
    );
  }

  failed(error: unknown): void {
    const seen = error instanceof NotAsPromised ? error : undefined;
    const code = error instanceof TroupeError ? `${error.code}: ` : "";
    const message = code + messageOf(error);
    if (this.output.json) {
      const { expected, seen: found } = seen ?? {};
      const step = this.#title;
      this.output.object({ step, ok: false, message, expected, seen: found });
      return;
    }
    const mark = this.output.paint("red", "✗");
    this.output.line(`${margin}${mark} ${message.replaceAll("\n", " ")}`);
    this.output.line();
    this.output.line(
      `The tour ends here, in step ${this.#steps}: ${this.#title}.`,
    );
  }

  #finish(): void {
    if (this.output.json && this.#steps > 0)
      this.output.object({ step: this.#title, ok: true, seen: this.#checks });
    this.#checks = [];
  }
}

export const text = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
