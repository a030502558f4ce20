// Serves "clocked" in a process whose clock may differ: its task waits in each way that there is, and tells what the time
// was in between.
import "./end-with-parent.js";
import { z } from "zod";
import { agent, connect, skill } from "../../index.js";

const { url, namespace } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
};
const bus = await connect({ url, namespace });
const clocked = agent("clocked", {
  skills: {
    wait: skill({
      description: "Waits in each way",
      input: z.object({ ms: z.number() }),
      async run({ ms }, task) {
        const pids: number[] = [];
        const times: number[] = [];
        const note = async () => {
          times.push((await task.now()).getTime());
          pids.push(await task.step("who", () => process.pid));
        };
        await note();
        await task.sleep(ms);
        await note();
        await task.until(new Date(times.at(-1)! + ms));
        await note();
        const timeout = ms;
        await task.waitFor("nothing", { timeout }).catch(() => undefined);
        await note();
        const retry = { attempts: 2, first: `${ms}ms` } as const;
        await task.step(
          "again",
          ({ attempt }) => {
            if (attempt === 1) throw new Error("not yet");
          },
          { retry },
        );
        await note();
        return { times, pids };
      },
    }),
  },
});
await bus.serve(clocked, { signals: false });
console.log(JSON.stringify({ now: Date.now() }));
