// The reference for `ask`: request-reply as the client itself does it, with its defaults. With
// `noAsyncTraces`, which costs the stack traces of failed requests, it makes 1.6 times as many
// (47,500 and 77,400 requests a second at 256 in flight on two cores).
import { connect } from "@nats-io/transport-node";
import type { Client, Note, Scene, Worker } from "./contestant.js";

export async function openWorker(
  scene: Scene,
  work: (input: Note) => Note,
): Promise<Worker> {
  const connection = await connect({ servers: scene.url });
  connection.subscribe("bench.ask", {
    queue: "workers",
    callback: (_, message) =>
      void message.respond(JSON.stringify(work(message.json<Note>()))),
  });
  await connection.flush();
  return { close: () => connection.drain() };
}

export async function openClient(scene: Scene): Promise<Client> {
  const connection = await connect({ servers: scene.url });
  return {
    async send(input) {
      const reply = await connection.request(
        "bench.ask",
        JSON.stringify(input),
        { timeout: 30_000 },
      );
      return reply.json<Note>();
    },
    close: () => connection.drain(),
  };
}
