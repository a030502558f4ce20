import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMs, toMs, type Duration } from "../../protocol/duration.js";

test("a duration is a number of milliseconds or a number with its unit", () => {
  const cases: [Duration, number][] = [
    ["250ms", 250],
    ["5s", 5_000],
    ["1.5s", 1_500],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    [0, 0],
    [12.5, 12.5],
  ];
  for (const [duration, ms] of cases) assert.equal(toMs(duration), ms);
});

test("what is no duration is refused with whose value it was and how to write one", () => {
  const wrong = ["", "5", "s", "-1s", "1w", "1 s", "1s ", "1e3s", -1, NaN];
  const others = [Number.POSITIVE_INFINITY, null, undefined, {}, true];
  for (const value of [...wrong, ...others])
    assert.throws(() => toMs(value as Duration, "timeout"), {
      code: "ARGUMENT_INVALID",
      message: /^timeout ".*" is no duration: write "250ms"/,
    });
});

test("what is shown of whole units can be read again", () => {
  const whole = fc
    .tuple(fc.nat(999), fc.constantFrom("ms", "s", "m", "h", "d"))
    .map(([count, unit]) => toMs(`${count}${unit}` as Duration));
  fc.assert(
    fc.property(whole, (ms) => {
      assert.equal(toMs(formatMs(ms) as Duration), ms);
    }),
  );
});

test("odd times are shown in rounded seconds", () => {
  assert.equal(formatMs(1234), "1.2s");
  assert.equal(formatMs(0.4), "0ms");
  assert.equal(formatMs(61_000), "61s");
});
