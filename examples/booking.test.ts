// Does the agent of today still fit what its tasks did before? The journal was written by
//   troupe journal export ID > examples/journals/booking.json
// when the handler had no insurance yet. No server is needed, and no step is done.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { agent, checkJournal, skill } from "../index.js";
import { booking } from "./booking.js";

const journal = readFileSync("examples/journals/booking.json", "utf8");

test("trips that were begun before there was an insurance go on", async () => {
  const { fits, message } = await checkJournal(booking, journal);
  assert.ok(fits, message);
});

test("a handler that books the hotel first would not fit them", async () => {
  const { input } = booking.skills.trip;
  const hasty = agent("booking", {
    version: "2.0.0",
    skills: {
      trip: skill({
        description: "Books the hotel first",
        input,
        run: (_trip, task) => task.step("hotel", () => "a hotel"),
      }),
    },
  });
  const { message } = await checkJournal(hasty, journal);
  assert.match(
    message,
    /at place 0 expected step "flight", found step "hotel"/,
  );
});
