// Troupe's durable tasks: `bus.call` to a served agent. For growth it serves many agents, and lays the backlog
// on the queue of one that nobody serves.
import { z } from "zod";
import { agent, connect, skill, type Bus } from "../index.js";
import type { Client, Note, Scene, Worker } from "./contestant.js";

const note = z.object({ text: z.string() });
const backlogBatch = 2_000;

export async function openWorker(
  scene: Scene,
  work: (input: Note) => Note,
): Promise<Worker> {
  const bus = await connect({ url: scene.url });
  const concurrency = Math.max(64, scene.inFlight);
  await Promise.all(
    agentsOf(scene, work).map((each) => bus.serve(each, { concurrency })),
  );
  return bus;
}

export async function openClient(scene: Scene): Promise<Client> {
  const bus = await connect({ url: scene.url });
  await layBacklog(bus, scene.backlog);
  const targets = agentsOf(scene, (input) => input);
  let turn = 0;
  return {
    send(input) {
      const target = targets[turn++ % targets.length]!;
      return bus.call(target.skills.shout, input);
    },
    close: () => bus.close(),
  };
}

function agentsOf(scene: Scene, work: (input: Note) => Note) {
  const skills = {
    shout: skill({
      description: "Shouts",
      input: note,
      output: note,
      run: (input) => work(input),
    }),
  };
  return Array.from({ length: scene.agents }, (_, at) =>
    agent(`agent-${at}`, { skills }),
  );
}

async function layBacklog(bus: Bus, count: number): Promise<void> {
  const [idle] = agentsOf(
    { url: "", inFlight: 0, agents: 1, backlog: 0 },
    (input) => input,
  );
  const unserved = { ...idle!.skills.shout, agent: "unserved" };
  for (let left = count; left > 0; left -= backlogBatch) {
    const size = Math.min(left, backlogBatch);
    await Promise.all(
      Array.from({ length: size }, () =>
        bus.submit(unserved, { text: "waits" }),
      ),
    );
  }
}
