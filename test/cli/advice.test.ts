// What is wrong is told in options, to who types a command, and not in the fields and methods of programs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inOptions, textInOptions } from "../../cli/advice.js";
import { ask } from "../../cli/ask.js";
import { route } from "../../cli/route.js";
import { schedules } from "../../cli/schedules.js";
import { submit } from "../../cli/submit.js";
import { toNeed } from "../../bus/tasks/target.js";
import { messageOf, type TroupeError } from "../../protocol/errors.js";

const words = "make this shorter";

function refusalOf(given: string): unknown {
  try {
    return toNeed(given);
  } catch (error) {
    return error;
  }
}

test("a field of the need is an option, where the verb has it", () => {
  for (const { options } of [route, submit, ask, schedules]) {
    const told = inOptions(refusalOf(words), options);
    assert.match(messageOf(told), /, or --text "…" for plain words$/);
    assert.equal((told as TroupeError).code, "ARGUMENT_INVALID");
  }
});

const nobody =
  'nobody fits. Start one, ask for less, or wait for one with { wait: "30s" }';

test("waiting for one that fits is advised where it can be had", () => {
  const inRoute = textInOptions(nobody, route.options);
  assert.equal(
    inRoute,
    'nobody fits. Start one, ask for less, or wait for one with --wait "30s"',
  );
  const inSubmit = textInOptions(nobody, submit.options);
  assert.equal(inSubmit, "nobody fits. Start one, or ask for less");
});

test("a wait that has timed out names the option, and the command that looks on", () => {
  const text =
    'Wait longer with bus.task("t 1").result({ timeout }), or see whether a worker for it is running';
  assert.equal(
    textInOptions(text, submit.options),
    "Wait longer with --timeout, or see how it is: npx troupe tasks show 't 1'",
  );
  assert.equal(
    textInOptions(text, route.options),
    "See how it is: npx troupe tasks show 't 1'",
  );
});

test("nobody at a terminal can submit by an imported skill", () => {
  const text =
    "Start it once, correct the name, or submit by the imported skill instead of its name";
  const told = "Start it once, or correct the name";
  assert.equal(textInOptions(text, submit.options), told);
});

test("what somebody gave is not touched", () => {
  const text = 'refused {"text":"a"} and { text: a } and { id: 7 }';
  assert.equal(textInOptions(text, route.options), text);
  const other = new Error(nobody);
  assert.equal(inOptions(other, route.options), other);
});
