import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  ServerClock,
  steadyTime,
} from "../../../bus/connection/server-clock.js";

test("a clock that is set while we run moves nothing, and the server is asked once", (t) => {
  let asked = 0;
  const clock = new ServerClock(() => void asked++);
  const right = steadyTime() + 5_000;
  clock.adjust(new Date(right).toISOString(), steadyTime());
  const before = clock.now();
  const { now } = Date;
  const jump = mock.method(Date, "now", () => now() + 3_600_000);
  t.after(() => jump.mock.restore());
  const after = clock.now();
  clock.now();
  assert.ok(after >= before && after - before < 60_000);
  assert.equal(asked, 1);
});

test("the server's time is told from the middle of asking and hearing", () => {
  const clock = new ServerClock();
  const sentAt = steadyTime() - 200;
  clock.adjust(new Date(1_000_000).toISOString(), sentAt);
  const now = clock.now();
  assert.ok(now > 1_000_050 && now < 1_060_000, String(now));
});
