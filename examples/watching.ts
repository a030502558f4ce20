// See a task while it runs, and call it off.
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill } from "../index.js";

const digger = agent("digger", {
  skills: {
    dig: skill({
      description: "Digs a tunnel, metre by metre",
      input: z.object({ metres: z.int().positive() }),
      async run({ metres }, task) {
        for (let metre = 1; metre <= metres; metre++) {
          // The signal is aborted when the task is canceled or its time is up.
          await pause(20, undefined, { signal: task.signal });
          task.progress({ progress: metre, total: metres });
        }
        return { metres };
      },
    }),
  },
});

await using bus = await connect();
await using _worker = await bus.serve(digger);

// Progress comes live and is not stored; what is stored comes without gap or duplicate, and the end comes last.
const short = await bus.submit(digger.skills.dig, { metres: 4 });
for await (const event of short.events())
  console.log(event.kind, event.progress?.progress ?? event.output);

const long = await bus.submit(digger.skills.dig, { metres: 10_000 });
for await (const event of long.events()) {
  console.log(event.kind, event.progress?.progress ?? event.error?.message);
  if (event.progress?.progress === 3) await long.cancel("struck rock");
}

// Anyone who knows the id may do the same, in any process, at any time.
console.log("it is", await bus.task(long.id).state());
