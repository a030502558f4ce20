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
import {
  AckPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import {
  connect,
  createInbox,
  type MsgHdrs,
  type NatsConnection,
} from "@nats-io/transport-node";
import type { Client, Note, Scene, Worker } from "./contestant.js";

const taskPrefix = "raw.task.";
const resultPrefix = "raw.result.";

export async function openWorker(
  scene: Scene,
  work: (input: Note) => Note,
): Promise<Worker> {
  const connection = await connect({ servers: scene.url });
  await createStreams(connection);
  const publish = durablePublisher(connection);
  const consumer = await jetstream(connection).consumers.get(
    "RAW_TASKS",
    "worker",
  );
  const messages = await consumer.consume({
    max_messages: 1000,
    callback(message) {
      const subject = resultPrefix + message.subject.slice(taskPrefix.length);
      const result = JSON.stringify(work(message.json<Note>()));
      publish(subject, result, (error) =>
        error ? message.nak() : message.ack(),
      );
    },
  });
  return {
    async close() {
      await messages.close();
      await connection.drain();
    },
  };
}

export async function openClient(scene: Scene): Promise<Client> {
  const connection = await connect({ servers: scene.url });
  const publish = durablePublisher(connection);
  const waiting = new Map<string, (result: Note) => void>();
  connection.subscribe(`${resultPrefix}>`, {
    callback(_, message) {
      const id = message.subject.slice(resultPrefix.length);
      waiting.get(id)?.(message.json<Note>());
      waiting.delete(id);
    },
  });
  await connection.flush();

  let count = 0;
  return {
    async send(input) {
      const id = String(++count);
      const result = new Promise<Note>((resolve) => waiting.set(id, resolve));
      await new Promise<void>((resolve, reject) => {
        publish(taskPrefix + id, JSON.stringify(input), (error) =>
          error ? reject(error) : resolve(),
        );
      });
      return result;
    },
    close: () => connection.drain(),
  };
}

async function createStreams(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: "RAW_TASKS",
    subjects: [`${taskPrefix}>`],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
  });
  await manager.streams.add({
    name: "RAW_RESULTS",
    subjects: [`${resultPrefix}>`],
    storage: StorageType.File,
  });
  await manager.consumers.add("RAW_TASKS", {
    durable_name: "worker",
    ack_policy: AckPolicy.Explicit,
  });
}

type Stored = (error: Error | undefined, sequence: number) => void;

interface Acknowledgement {
  error?: { description: string };
  seq?: number;
}

/** Publishes, and calls back when the server has stored the message or refused it. */
export function durablePublisher(connection: NatsConnection) {
  const inbox = `${createInbox()}.`;
  const waiting = new Map<string, Stored>();
  connection.subscribe(`${inbox}*`, {
    callback(_, message) {
      const id = message.subject.slice(inbox.length);
      const { error, seq = 0 } = message.json<Acknowledgement>();
      waiting.get(id)?.(error && new Error(error.description), seq);
      waiting.delete(id);
    },
  });
  let count = 0;
  return (
    subject: string,
    body: string,
    stored: Stored,
    headers?: MsgHdrs,
  ): void => {
    const id = String(++count);
    waiting.set(id, stored);
    const reply = inbox + id;
    connection.publish(subject, body, headers ? { reply, headers } : { reply });
  };
}
