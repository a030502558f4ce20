import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { When } from "../../../protocol/firing-times.js";
import { quiet } from "../../support/doer.js";
import {
  headline,
  served,
  shared,
  writer,
  yearly,
} from "../../support/scheduled.js";

describe("what cannot be is refused when it is scheduled", () => {
  const later = new Date(Date.now() + 3_600_000);
  const cases: [string, When, string, unknown, object, object][] = [
    [
      "a cron that never fires",
      "0 3 30 2 *",
      "doer.do",
      1,
      {},
      /never fires: no date is such a day/,
    ],
    [
      "one that fires only after its end",
      yearly,
      "doer.do",
      1,
      { until: later },
      /never fires before .*give it a later end/,
    ],
    ["an unreadable cron", "61 3 * * *", "doer.do", 1, {}, /minute: 61/],
    [
      "an unknown time zone",
      yearly,
      "doer.do",
      1,
      { timeZone: "Mars/X" },
      /time zone "Mars\/X" is unknown/,
    ],
    ["every 0", { every: 0 }, "doer.do", 1, {}, /every "0" is too short/],
    [
      "a priority that is none",
      yearly,
      "doer.do",
      1,
      { priority: "urgent" },
      /priority "urgent" is none/,
    ],
    [
      "a deadline that is none",
      yearly,
      "doer.do",
      1,
      { deadline: "soon" },
      /deadline "soon" is no duration/,
    ],
    [
      "a date that is none",
      yearly,
      "doer.do",
      1,
      { from: new Date("x") },
      /from "Invalid Date" is no date/,
    ],
    [
      "missed: much",
      yearly,
      "doer.do",
      1,
      { missed: "much" },
      /missed "much" is none/,
    ],
    [
      "catching up with too many",
      yearly,
      "doer.do",
      1,
      { missed: { catchUp: 1_001 } },
      /from 1 to 1000/,
    ],
    [
      "catching up with none",
      yearly,
      "doer.do",
      1,
      { missed: { catchUp: 0 } },
      /from 1 to 1000/,
    ],
    [
      "bytes",
      yearly,
      "doer.do",
      { a: [new Uint8Array(1)] },
      {},
      /the input\.a\[0\] of a schedule cannot be kept as JSON: it is a Uint8Array/,
    ],
    [
      "a number that JSON has not",
      yearly,
      "doer.do",
      Number.NaN,
      {},
      /cannot be kept as JSON/,
    ],
  ];
  for (const [what, when, target, input, options, message] of cases)
    test(what, async (t) => {
      const { bus } = await served(t);
      await assert.rejects(bus.schedule("bad", when, target, input, options), {
        code: "ARGUMENT_INVALID",
        message,
      });
      assert.deepEqual(await bus.schedules.list(), []);
    });

  test("an unknown agent or skill, and input that its schema refuses, typed or in words", async (t) => {
    const bus = await shared.connect(t);
    await bus.serve(writer, quiet);
    const add = (target: string, input: unknown) =>
      bus.schedule("bad", yearly, target, input);
    await assert.rejects(add("nobody.do", 1), { code: "AGENT_UNKNOWN" });
    await assert.rejects(add("writer.sing", 1), { code: "SKILL_UNKNOWN" });
    const invalid = { code: "INPUT_INVALID", message: /text/ };
    await assert.rejects(add("writer.headline", { text: 1 }), invalid);
    const typed = bus.schedule("bad", yearly, headline, { text: 1 as never });
    await assert.rejects(typed, invalid);
    const large = { text: "x".repeat(1024 * 1024) };
    await assert.rejects(add("writer.headline", large), {
      code: "PAYLOAD_TOO_LARGE",
    });
  });

  test("a name that no subject carries, and any other name is fine", async (t) => {
    const { bus } = await served(t);
    const add = (name: unknown) =>
      bus.schedule(name as string, yearly, "doer.do", 1);
    for (const name of ["", "\ud800", "x".repeat(201), "é".repeat(34), 5])
      await assert.rejects(add(name), { code: "ARGUMENT_INVALID" });
    const names = ["a.b >*", "nächtlich @ 3 %~=", "x".repeat(200)];
    for (const name of names) await add(name);
    const found = await bus.schedules.list();
    assert.deepEqual(
      found.map(({ name }) => name),
      names.toSorted(),
    );
    const task = await bus.schedules.fire(names[1]!);
    assert.equal(await task.result(), 1);
  });
});

test("what would make a schedule unreadable is refused, and leaves it as it was", async (t) => {
  const { bus } = await served(t);
  const odd = { context: 5 as unknown as string };
  await assert.rejects(bus.schedule("odd", yearly, "doer.do", 1, odd), {
    code: "ARGUMENT_INVALID",
    message: /definition\.context/,
  });
  await bus.schedule("even", yearly, "doer.do", 1);
  const why = { reason: 5 as unknown as string };
  await assert.rejects(bus.schedules.pause("even", why), {
    code: "ARGUMENT_INVALID",
    message: /paused\.reason/,
  });
  assert.equal((await bus.schedules.show("even")).state, "active");
  assert.equal((await bus.schedules.list()).length, 1);
});
