// An instance of the agent "limited" in a process of its own. Says when each of its tasks began, on the clock that
// all processes of the machine share.
import { z } from "zod";
import { agent, connect, skill } from "../../index.js";

export interface RateOrder {
  url: string;
  namespace: string;
  limit: number;
  burst: number;
}

const { url, namespace, limit, burst } = JSON.parse(
  process.argv[2] ?? "{}",
) as RateOrder;
const bus = await connect({ url, namespace });
let begun: number[] = [];
const limited = agent("limited", {
  skills: {
    work: skill({
      description: "So many in a second",
      input: z.number(),
      rate: { limit, per: "1s", burst },
      run() {
        begun.push(performance.timeOrigin + performance.now());
      },
    }),
  },
});
setInterval(() => {
  if (begun.length > 0) console.log(JSON.stringify({ begun }));
  begun = [];
}, 20);
await bus.serve(limited, { signals: false, concurrency: 64 });
console.log(JSON.stringify({ ready: true }));
