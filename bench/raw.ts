// The reference that Troupe's durable tasks are held against: the least code on the bare client
// that submits durably, pulls, publishes a durable result, acknowledges, and tells the submitter.
// No retries, deadlines, priorities, deduplication or dead letters.
//
// Measured before this shape was chosen (two cores, file storage, medians; round trips a second at
// 64 and 512 in flight, p50 of one at a time):
//   js.publish on both sides, the client's defaults     16,700   21,300   0.28 ms
//   js.publish, connections with noAsyncTraces          24,500   30,500   0.25 ms
//   nc.publish and one inbox for all acks (this file)   37,700   53,000   0.21 ms
// Of consume's `max_messages`, 512 and 1000 are alike, the default of 100 is 5 to 10 % slower, and
// 5000 with as many acks pending is 25 % slower.
import { openSender, openTaker, resultPrefix, taskPrefix } from "./bare.js";
import type { Client, Note, Scene, Worker } from "./contestant.js";

export function openWorker(
  scene: Scene,
  work: (input: Note) => Note,
): Promise<Worker> {
  return openTaker(scene.url, [], (publish) => (message) => {
    const subject = resultPrefix + message.subject.slice(taskPrefix.length);
    const result = JSON.stringify(work(message.json<Note>()));
    publish(subject, result, (error) =>
      error ? message.nak() : message.ack(),
    );
  });
}

export function openClient(scene: Scene): Promise<Client> {
  return openSender(scene.url);
}
