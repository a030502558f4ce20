import assert from "node:assert/strict";
import { test } from "node:test";
import { zonedDateOf } from "../../cli/times.js";

const zones: [string, string][] = [
  ["UTC", "2026-12-01 02:00:00 UTC"],
  ["Europe/Berlin", "2026-12-01 03:00:00 UTC+01:00"],
  ["Asia/Kolkata", "2026-12-01 07:30:00 UTC+05:30"],
  ["America/New_York", "2026-11-30 21:00:00 UTC-05:00"],
];

test("a time that comes by a clock tells the zone in which it is written", () => {
  const before = process.env["TZ"];
  try {
    for (const [zone, text] of zones) {
      process.env["TZ"] = zone;
      assert.equal(zonedDateOf(new Date("2026-12-01T02:00:00Z")), text);
    }
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
});
