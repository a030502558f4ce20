// Tasks by the clock: each firing becomes exactly one task, whose id says which firing it was. Any process that
// serves an agent fires, so nothing more has to run.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill } from "../index.js";

const reports = agent("reports", {
  skills: {
    build: skill({
      description: "Builds a report",
      input: z.object({ kind: z.string() }),
      run({ kind }, task) {
        console.log("built", kind, "by", task.id.split("@")[0]);
        return { kind };
      },
    }),
  },
});
const { build } = reports.skills;

await using bus = await connect();
await using _worker = await bus.serve(reports);
const { schedules } = bus;

const nightly = await bus.schedule(
  "nightly",
  "30 2 * * *",
  build,
  { kind: "daily" },
  { timeZone: "Europe/Berlin", missed: { catchUp: 1 }, replace: true },
);
console.log("nightly comes next on", nightly.next[0]?.toISOString());

// A program may say so each time that it starts: the same schedule again changes nothing.
const soon = { every: "1s" } as const;
await bus.schedule("often", soon, build, { kind: "small" });
const again = await bus.schedule("often", soon, build, { kind: "small" });
console.log("again:", again.change);

let last = again.last;
while (last?.state !== "completed") {
  await wait(200);
  last = (await schedules.show("often")).last;
}
console.log("often is", (await schedules.pause("often")).state);

// Now, and not at its time.
const task = await schedules.fire("nightly");
console.log("fired:", await task.result());

for (const { name } of await schedules.list()) await schedules.delete(name);

// What never fires is refused when it is scheduled.
await bus
  .schedule("never", "0 0 30 2 *", build, { kind: "odd" })
  .catch((error: unknown) => console.log("refused:", String(error)));
