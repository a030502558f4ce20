import assert from "node:assert/strict";
import { test } from "node:test";
import { logLine } from "../../cli/log-line.js";

const logged = (level: number, more: object) =>
  JSON.stringify({ level, time: 1, pid: 2, name: "troupe", ...more });

test("a warning is told in one line to who sits at a terminal", () => {
  const consumer = { consumer: "main=low", msg: "cannot be restored\nyet" };
  assert.equal(
    logLine(logged(40, consumer)),
    "warning: cannot be restored yet (consumer main=low)",
  );
  const error = { err: { type: "Error", message: "no luck", stack: "…" } };
  assert.equal(
    logLine(logged(50, { ...error, n: 1, msg: "it broke" })),
    "error: it broke (err no luck, n 1)",
  );
});

test("what is no line of the log is left as it is", () => {
  for (const line of ["serving writer", "{}", "null", '{"level":"high"}', "["])
    assert.equal(logLine(line), undefined);
});
