// An agent "child" in a process of its own, for what only a process can do: die, block, be told to stop, or
// have another clock. Says on standard output what it does, one JSON object a line. See child-worker.ts.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill, type Duration } from "../../index.js";
import type { ChildWorkerOptions, WorkerSaid } from "./child-worker.js";

const {
  url,
  namespace,
  ackWait = "10s",
  concurrency = 1,
} = JSON.parse(process.argv[2]!) as ChildWorkerOptions;
const say = (line: WorkerSaid) => console.log(JSON.stringify(line));

const bus = await connect({ url, namespace });
const child = agent("child", {
  skills: {
    slow: skill({
      description: "Takes its time",
      input: z.number(),
      async run(ms, task) {
        say({ started: task.id });
        await wait(ms);
        return { pid: process.pid, attempt: task.attempt };
      },
    }),
    exit: skill({
      description: "Ends the process",
      input: z.any(),
      retry: { crashes: 1 },
      run(_input, task) {
        say({ started: task.id });
        process.exit(1);
      },
    }),
    block: skill({
      description: "Lets nothing else run",
      input: z.number(),
      run(ms, task) {
        say({ started: task.id });
        const shared = new Int32Array(new SharedArrayBuffer(4));
        Atomics.wait(shared, 0, 0, ms);
        return { attempt: task.attempt };
      },
    }),
    relay: skill({
      description: "Calls another skill with a deadline",
      input: z.object({
        target: z.string(),
        input: z.unknown(),
        deadline: z.string(),
      }),
      retry: { attempts: 1 },
      run: ({ target, input, deadline }) =>
        bus.call(target, input, { deadline: deadline as Duration }),
    }),
  },
});
await bus.serve(child, { concurrency, ackWait });
say({ now: Date.now() });
