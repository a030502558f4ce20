// A workflow fails at its third step. When what it needs is there again, a fork goes on from that step: what came
// before is not done again. Another fork goes another way with another input.
import { connect, toJournalFile } from "../index.js";
import { booking, hotels } from "./booking.js";

await using bus = await connect();
await using _worker = await bus.serve(booking);

hotels.areThere = false;
const first = await bus.submit(booking.skills.trip, {
  to: "Rome",
  on: "1 May",
});
await first
  .result()
  .catch((error: Error) => console.log("failed:", error.message));
for (const entry of (await bus.journal(first.id)).entries)
  if ("name" in entry) console.log(" ", entry.kind, entry.name);

hotels.areThere = true;
const fork = await bus.fork(first.id, { before: "hotel" });
console.log("forked:", await fork.result());

const later = await bus.fork(fork.id, {
  before: "hotel",
  input: { to: "Rome", on: "9 May" },
});
console.log("later: ", await later.result());

// A file to be kept beside the tests: see examples/booking.test.ts.
const file = toJournalFile(await bus.journal(fork.id));
console.log("a file of", Object.keys(file).join(", "));
