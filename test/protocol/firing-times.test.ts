import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  newestFirings,
  nextFiring,
  toTiming,
  type Rhythm,
  type When,
} from "../../protocol/firing-times.js";

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | undefined) =>
  ms === undefined ? undefined : new Date(ms).toISOString();

function rhythm(when: When, timeZone?: string, bounds = {}): Rhythm {
  const definition = { timing: toTiming(when, timeZone), ...bounds };
  return { definition, anchor: at("2026-01-01T00:00:00Z") };
}

/** The next `count` firings after a moment. */
function firings(of: Rhythm, after: string, count: number) {
  const found: (string | undefined)[] = [];
  let last = at(after);
  for (let each = 0; each < count; each++) {
    const next = nextFiring(of, last);
    found.push(iso(next));
    if (next === undefined) break;
    last = next;
  }
  return found;
}

describe("a cron expression", () => {
  test("is read in UTC where no time zone is named, whatever the machine's is", () => {
    assert.deepEqual(firings(rhythm("0 3 * * *"), "2026-11-20T03:00:00Z", 2), [
      "2026-11-21T03:00:00.000Z",
      "2026-11-22T03:00:00.000Z",
    ]);
  });

  test("includes the moment right after, and not the moment itself", () => {
    const nightly = rhythm("0 3 * * *");
    const time = at("2026-11-20T03:00:00Z");
    assert.equal(nextFiring(nightly, time - 1), time);
    assert.notEqual(nextFiring(nightly, time), time);
  });

  test("whose time is left out when the clock is put forward fires at the first moment after", () => {
    const nightly = rhythm("30 2 * * *", "Europe/Berlin");
    assert.deepEqual(firings(nightly, "2026-03-28T12:00:00Z", 2), [
      "2026-03-29T01:00:00.000Z", // 03:00, the first that there is
      "2026-03-30T00:30:00.000Z",
    ]);
  });

  test("whose time comes twice when the clock is put back fires once", () => {
    const nightly = rhythm("30 2 * * *", "Europe/Berlin");
    assert.deepEqual(firings(nightly, "2026-10-24T12:00:00Z", 2), [
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
  });

  test("with a list of times loses and doubles none of them when the clock is changed", () => {
    const twice = rhythm("30 2,14 * * *", "Europe/Berlin");
    const forward = [
      "2027-03-28T01:00:00.000Z", // 03:00, the first that there is
      "2027-03-28T12:30:00.000Z",
      "2027-03-29T00:30:00.000Z",
    ];
    assert.deepEqual(firings(twice, "2027-03-27T14:00:00Z", 3), forward);
    const back = [
      "2027-10-31T00:30:00.000Z",
      "2027-10-31T13:30:00.000Z",
      "2027-11-01T01:30:00.000Z",
    ];
    assert.deepEqual(firings(twice, "2027-10-30T14:00:00Z", 3), back);
    for (const times of [forward, back]) {
      const before = at(times.at(-1)!) + 1;
      const newest = { from: 0, before, most: 3 };
      assert.deepEqual(newestFirings(twice, newest).map(iso), times);
    }
    const minutes = rhythm("15,45 2 * * *", "Europe/Berlin");
    assert.deepEqual(firings(minutes, "2027-10-30T14:00:00Z", 3), [
      "2027-10-31T00:15:00.000Z",
      "2027-10-31T00:45:00.000Z",
      "2027-11-01T01:15:00.000Z",
    ]);
    assert.deepEqual(firings(minutes, "2027-03-27T14:00:00Z", 2), [
      "2027-03-28T01:00:00.000Z", // both, and it is one
      "2027-03-29T00:15:00.000Z",
    ]);
    const seconds = rhythm("0 30 2,14 * * *", "Europe/Berlin");
    assert.deepEqual(firings(seconds, "2027-10-30T14:00:00Z", 3), back);
  });

  test("with a range of hours repeats, as one with a step does", () => {
    for (const cron of ["30 0-23 * * *", "30 */1 * * *", "30 * * * *"])
      assert.deepEqual(
        firings(rhythm(cron, "Europe/Berlin"), "2027-10-31T00:00:00Z", 3),
        [
          "2027-10-31T00:30:00.000Z",
          "2027-10-31T01:30:00.000Z",
          "2027-10-31T02:30:00.000Z",
        ],
        cron,
      );
  });

  test("with every half hour goes on evenly over both changes of the clock", () => {
    const halves = rhythm("*/30 * * * *", "Europe/Berlin");
    for (const start of ["2026-03-29T00:15:00Z", "2026-10-24T23:15:00Z"]) {
      const times = firings(halves, start, 6).map((text) => at(text!));
      for (const [index, time] of times.slice(1).entries())
        assert.equal(time - times[index]!, 30 * 60_000);
    }
  });

  const refused: [unknown, RegExp][] = [
    ["61 3 * * *", /"61 3 \* \* \*" cannot be read: .*minute: 61/],
    ["0 25 * * *", /hour: 25/],
    ["0 3 * * 8", /dayOfWeek: 8/],
    ["a b c d e", /entry 1 \(a\)/],
    ["*/0 * * * *", /stepping: 0/],
    ["0 3 * *", /not 5 or 6 fields.*Write minute, hour, day, month/],
    ["0 3 * * * * 2030", /not 5 or 6 fields/],
    ["2030-01-31T03:00:00", /not 5 or 6 fields/],
    ["@sometimes", /cannot be read: there is only @hourly, .*\. Write/],
    ["@reboot", /cannot be read: there is only @hourly/],
    ["@hourl", /"@hourl" cannot be read: did you mean "@hourly"\? Write/],
    ["@Dialy", /did you mean "@daily"\?/],
    ["", /not 5 or 6 fields/],
    [undefined, /not 5 or 6 fields/],
    [{ cron: 5 }, /not 5 or 6 fields/],
  ];
  for (const [cron, message] of refused)
    test(`${JSON.stringify(cron)} is refused, and it is said where`, () => {
      const wrong = { code: "ARGUMENT_INVALID", message };
      assert.throws(() => toTiming(cron as string), wrong);
    });

  test("that says how often instead is refused with how that is written", () => {
    const meant: [string, string][] = [
      ["5m", "5m"],
      ["every 1 s", "1s"],
      ["every minute", "1m"],
      ["Every 2 hours", "2h"],
    ];
    for (const [cron, every] of meant)
      assert.throws(() => toTiming(cron), {
        code: "ARGUMENT_INVALID",
        message: `"${cron}" is no cron expression: write { every: "${every}" } for a schedule that fires every so often`,
      });
  });

  test("may be for a day that comes every four years, and finds none for one that never comes", () => {
    const leap = rhythm("0 3 29 2 *");
    assert.equal(
      firings(leap, "2026-01-01T00:00:00Z", 1)[0],
      "2028-02-29T03:00:00.000Z",
    );
    assert.equal(nextFiring(rhythm("0 3 30 2 *"), 0), undefined);
  });

  test("in a time zone that nobody knows is refused", () => {
    for (const zone of ["Mars/Olympus", "", "+25:00"])
      assert.throws(() => toTiming("0 3 * * *", zone), {
        code: "ARGUMENT_INVALID",
        message: /time zone .* is unknown: .*Europe\/Berlin/,
      });
  });
});

describe("every so often", () => {
  test("is counted from the anchor, whenever it is asked", () => {
    const often = rhythm({ every: "5m" });
    assert.deepEqual(firings(often, "2026-01-01T01:02:03Z", 2), [
      "2026-01-01T01:05:00.000Z",
      "2026-01-01T01:10:00.000Z",
    ]);
    assert.equal(
      firings(often, "2020-01-01T00:00:00Z", 1)[0],
      iso(often.anchor),
    );
  });

  for (const every of [0, "0s", 999, "500ms"] as const)
    test(`${every} is too short`, () =>
      assert.throws(() => toTiming({ every }), {
        code: "ARGUMENT_INVALID",
        message: /every ".*" is too short: .* 1s/,
      }));

  test("is refused with what is no duration, a hundred years and more, or a time zone", () => {
    const every = (of: unknown) => () => toTiming({ every: of as "1s" });
    assert.throws(every("often"), { message: /every "often" is no duration/ });
    assert.throws(every(Number.NaN), { message: /no duration/ });
    assert.throws(every("40000d"), { message: /too long/ });
    assert.throws(() => toTiming({ every: "5m" }, "Europe/Berlin"), {
      message: /says nothing about a schedule that fires every so often/,
    });
  });
});

test("nothing fires before `from` or after `until`, and at both it does", () => {
  const from = at("2026-11-20T03:00:00Z");
  const until = at("2026-11-22T03:00:00Z");
  const some = rhythm("0 3 * * *", "UTC", { from, until });
  assert.deepEqual(firings(some, "2020-01-01T00:00:00Z", 9), [
    "2026-11-20T03:00:00.000Z",
    "2026-11-21T03:00:00.000Z",
    "2026-11-22T03:00:00.000Z",
    undefined,
  ]);
});

const whens: When[] = [
  { every: "1s" },
  { every: 1_500 },
  "* * * * * *",
  "*/7 * * * *",
  "0 3 * * MON-FRI",
  "30 2 * * *",
];
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"];

test("the newest firings before a moment are those that come one after another from before", () => {
  const moment = fc.integer({
    min: at("2026-02-01T00:00:00Z"),
    max: at("2027-12-31T00:00:00Z"),
  });
  const some = fc.record({
    when: fc.constantFrom(...whens),
    zone: fc.constantFrom(...zones),
    before: moment,
    most: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(some, ({ when, zone, before, most }) => {
      const every = typeof when === "object";
      const of = rhythm(when, every ? undefined : zone);
      const from = of.anchor;
      const newest = newestFirings(of, { from, before, most });
      assert.equal(newest.length, most);
      for (const [index, time] of newest.entries())
        assert.equal(
          nextFiring(of, time),
          newest[index + 1] ?? nextFiring(of, before - 1),
        );
    }),
    { numRuns: 200 },
  );
});
