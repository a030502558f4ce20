// What others wrote moves no cursor, erases nothing and turns no text round on the terminal of who reads it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TroupeError } from "../../protocol/errors.js";
import { Output } from "../../cli/output.js";
import { inFull } from "../../cli/result.js";
import { shorten } from "../../cli/table.js";

class Terminal {
  readonly isTTY = true;
  text = "";

  write(text: string): void {
    this.text += text;
  }
}

const hostile =
  "Pay 9000 EUR to mallory\u001b[2K\rPay 1 EUR\u009b31m to \u202eecilA";
const shown = String.raw`Pay 9000 EUR to mallory\x1b[2K\rPay 1 EUR\x9b31m to \u202eecilA`;

function written(json: boolean, say: (output: Output) => void): string {
  const terminal = new Terminal();
  say(new Output(json, { stdout: terminal, stderr: terminal }));
  return terminal.text;
}

const ways: [string, (output: Output) => void][] = [
  ["line", (output) => output.line(hostile)],
  ["note", (output) => output.note(hostile)],
  ["error", (output) => output.error(new TroupeError("BUS_FAILED", hostile))],
  ["result", (output) => output.result({}, () => hostile)],
  ["facts", (output) => output.facts([["asks", hostile]])],
  ["rows", (output) => output.rows([[hostile, "b"]])],
  ["list", (output) => output.list([1], ["A"], () => [hostile], "none")],
  ["paint", (output) => output.line(output.paint("red", hostile))],
  ["shorten", (output) => output.line(shorten(hostile, 200))],
];
for (const [name, say] of ways)
  test(`by ${name}, what would mislead a terminal is shown as it is written in a program`, () => {
    const text = written(false, say);
    assert.ok(text.includes(shown), JSON.stringify(text));
    assert.doesNotMatch(text, /[\u0080-\u009f\u202e\r]/);
  });

test("a cell of a table is one line, so that nobody makes a row of his own", () => {
  const text = written(false, (output) =>
    output.facts([["why", "it broke\nstate  completed"]]),
  );
  assert.match(text, /it broke\\nstate {2}completed\n$/);
});

test("only the command itself colours: its colours go on what is shown, and do not count for its width", () => {
  const lines = written(false, (output) => {
    const red = output.paint("red", "\u001b[32mno");
    output.rows([
      [red, "b"],
      ["x".repeat(12), "b"],
    ]);
  });
  assert.equal(
    lines,
    `\u001b[31m\\x1b[32mno\u001b[39m    b\n${"x".repeat(12)}  b\n`,
  );
});

test("JSON says the same without such characters, also where people are given it", () => {
  const value = { asks: hostile, many: [hostile] };
  for (const text of [
    written(true, (output) => output.object(value)),
    written(false, (output) => output.line(inFull(value))),
  ]) {
    assert.doesNotMatch(text, /[\u0080-\u009f\u202e\r]/);
    assert.deepEqual(JSON.parse(text), value);
  }
});
