// Troupe's request-reply: `bus.ask` to a served agent.
import { z } from "zod";
import { agent, connect, skill } from "../index.js";
import type { Client, Note, Scene, Worker } from "./contestant.js";

const note = z.object({ text: z.string() });

const shouter = (work: (input: Note) => Note) =>
  agent("shouter", {
    skills: {
      shout: skill({
        description: "Shouts",
        input: note,
        output: note,
        run: (input) => work(input),
      }),
    },
  });

export async function openWorker(
  scene: Scene,
  work: (input: Note) => Note,
): Promise<Worker> {
  const bus = await connect({ url: scene.url });
  await bus.serve(shouter(work));
  return bus;
}

export async function openClient(scene: Scene): Promise<Client> {
  const bus = await connect({ url: scene.url });
  const target = shouter((input) => input).skills.shout;
  return { send: (input) => bus.ask(target, input), close: () => bus.close() };
}
