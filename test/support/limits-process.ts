// An instance of the agent "limited" in a process of its own. Says when each of its tasks began and ended, on the
// clock that all processes of the machine share.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill } from "../../index.js";
import type { LimitOptions } from "../../workers/limits/options.js";

export interface LimitsOrder {
  url: string;
  namespace: string;
  limits: LimitOptions<Work>;
  /** Input that is not to be handled well while this process lives. */
  fails?: boolean;
  concurrency?: number;
}

interface Work {
  ms: number;
}

export interface Stretch {
  task: string;
  begun: number;
  ended?: number;
}

const { url, namespace, limits, fails, concurrency } = JSON.parse(
  process.argv[2] ?? "{}",
) as LimitsOrder;
const now = () => performance.timeOrigin + performance.now();
const bus = await connect({ url, namespace });
let news: Stretch[] = [];
const limited = agent("limited", {
  skills: {
    work: skill({
      description: "Works within its limits",
      input: z.object({ ms: z.number() }),
      retry: { attempts: 1_000, first: "10ms", max: "10ms" },
      ...limits,
      async run({ ms }, task) {
        const stretch: Stretch = { task: task.id, begun: now() };
        if (ms > 0) {
          news.push({ ...stretch });
          await wait(ms);
        }
        news.push({ ...stretch, ended: now() });
        if (fails) throw new Error("down");
        return process.pid;
      },
    }),
  },
});
setInterval(() => {
  if (news.length > 0) console.log(JSON.stringify({ news }));
  news = [];
}, 20);
await bus.serve(limited, {
  signals: false,
  concurrency: concurrency ?? 64,
  ackWait: "1s",
});
console.log(JSON.stringify({ ready: true }));
