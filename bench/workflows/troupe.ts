// Troupe's durable steps: a skill whose handler uses `task.step`.
import { z } from "zod";
import { agent, connect, skill, type Bus } from "../../index.js";
import type { Client, Scene, Work, Worker } from "./contract.js";

export async function openWorker(scene: Scene, work: Work): Promise<Worker> {
  const bus = await open(scene);
  await bus.serve(workflows(work), {
    concurrency: scene.inFlight,
    signals: false,
  });
  return bus;
}

export async function openClient(scene: Scene): Promise<Client> {
  const bus = await open(scene);
  const { three, sleeper, long } = workflows(noWork).skills;
  return {
    run: (input) => bus.call(three, input),
    async sleep(until) {
      await bus.submit(sleeper, { until });
    },
    async startLong(id, steps) {
      await bus.submit(long, { steps }, { id });
    },
    async signalLong(id) {
      await bus.signal(id, "go", true, { agent: "bench" });
    },
    close: () => bus.close(),
  };
}

/** Who asks for "disk" joins the server by its folder, for no server tells by its address that it syncs. */
function open({ url, durability, directory }: Scene): Promise<Bus> {
  return durability === "disk"
    ? connect({ directory, durability })
    : connect({ url });
}

function workflows(work: Work) {
  return agent("bench", {
    skills: {
      three: skill({
        description: "Three steps",
        input: z.object({ text: z.string(), sentAt: z.number() }),
        output: z.object({ text: z.string() }),
        async run(input, task) {
          const one = await task.step("one", () => work.one(input));
          const two = await task.step("two", () => work.two(one));
          return { text: await task.step("three", () => work.three(two)) };
        },
      }),
      sleeper: skill({
        description: "Sleeps",
        input: z.object({ until: z.number() }),
        timeout: "1h",
        async run(input, task) {
          await task.sleep(await task.step("asleep", () => work.asleep(input)));
          await task.step("woken", () => work.woken());
          return {};
        },
      }),
      long: skill({
        description: "Many steps, then a signal",
        input: z.object({ steps: z.number() }),
        timeout: "1h",
        async run({ steps }, task) {
          for (let at = 0; at < steps; at++)
            await task.step(`step-${at}`, () => work.tick());
          await task.waitFor("go", { timeout: "1h" });
          await task.step("replayed", () => work.replayed());
          return {};
        },
      }),
    },
  });
}

/** Of a client, which only needs to know what the skills take. */
const noWork: Work = {
  one: () => "",
  two: () => "",
  three: () => "",
  asleep: () => 0,
  woken: () => 0,
  tick: () => 0,
  replayed: () => 0,
};
