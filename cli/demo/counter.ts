// A demo agent that takes its time and says how far it is: watch it, cancel it, kill its worker.
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { agent, skill } from "../../index.js";

export const counter = agent("counter", {
  version: "1.0.0",
  description: "Counts slowly and tells how far it is",
  skills: {
    count: skill({
      description: "Counts to a number",
      input: z.object({
        to: z.int().min(1).max(10_000),
        everyMs: z.int().min(1).max(60_000).default(500),
      }),
      output: z.object({ counted: z.number(), byProcess: z.number() }),
      tags: ["numbers", "progress"],
      examples: ["Count to twenty"],
      async run({ to, everyMs }, task) {
        for (let at = 1; at <= to; at++) {
          await pause(everyMs, undefined, { signal: task.signal });
          task.progress({ progress: at, total: to });
        }
        return { counted: to, byProcess: process.pid };
      },
    }),
  },
});
