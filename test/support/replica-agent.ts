// A module as users give it to `troupe work`: an agent whose handlers wait, or let nothing else run.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, skill } from "../../index.js";

export const hired = agent("hired", {
  skills: {
    wait: skill({
      description: "Takes its time",
      input: z.number(),
      // More than any test kills.
      retry: { crashes: 1_000 },
      async run(ms, task) {
        task.progress(0);
        await wait(ms);
        return { pid: process.pid, attempt: task.attempt };
      },
    }),
    block: skill({
      description: "Lets nothing else run",
      input: z.number(),
      async run(ms, task) {
        task.progress(0);
        await wait(100); // until that is sent
        const shared = new Int32Array(new SharedArrayBuffer(4));
        Atomics.wait(shared, 0, 0, ms);
      },
    }),
  },
});
