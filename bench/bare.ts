// What both references on the bare client share (bench/raw.ts, bench/workflows/raw.ts): streams for tasks and results,
// who takes the tasks, and who sends them and hears of the results.
import {
  AckPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JsMsg,
} from "@nats-io/jetstream";
import {
  connect,
  createInbox,
  type MsgHdrs,
  type NatsConnection,
} from "@nats-io/transport-node";
import type { Note } from "./contestant.js";

export const taskPrefix = "raw.task.";
export const resultPrefix = "raw.result.";

type Stored = (error: Error | undefined, sequence: number) => void;

type Publish = (
  subject: string,
  body: string,
  stored: Stored,
  headers?: MsgHdrs,
) => void;

/** Makes the streams, one more for each of `prefixes`, and takes the tasks. */
export async function openTaker(
  url: string,
  prefixes: readonly string[],
  toTake: (publish: Publish) => (message: JsMsg) => void,
): Promise<{ close(): Promise<void> }> {
  const connection = await connect({ servers: url });
  await createStreams(connection, [resultPrefix, ...prefixes]);
  const { consumers } = jetstream(connection);
  const consumer = await consumers.get("RAW_TASKS", "worker");
  const messages = await consumer.consume({
    max_messages: 1000,
    callback: toTake(durablePublisher(connection)),
  });
  return {
    async close() {
      await messages.close();
      await connection.drain();
    },
  };
}

interface BareSender {
  /** Resolves with the result, once the task is stored. */
  send(input: unknown): Promise<Note>;
  close(): Promise<void>;
}

export async function openSender(url: string): Promise<BareSender> {
  const connection = await connect({ servers: url });
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

async function createStreams(
  connection: NatsConnection,
  prefixes: readonly string[],
): Promise<void> {
  const manager = await jetstreamManager(connection);
  const storage = StorageType.File;
  await manager.streams.add({
    name: "RAW_TASKS",
    subjects: [`${taskPrefix}>`],
    retention: RetentionPolicy.Workqueue,
    storage,
  });
  for (const [index, prefix] of prefixes.entries())
    await manager.streams.add({
      name: `RAW_${index}`,
      subjects: [`${prefix}>`],
      storage,
    });
  await manager.consumers.add("RAW_TASKS", {
    durable_name: "worker",
    ack_policy: AckPolicy.Explicit,
  });
}

interface Acknowledgement {
  error?: { description: string };
  seq?: number;
}

/** Publishes, and calls back when the server has stored the message or refused it. */
function durablePublisher(connection: NatsConnection): Publish {
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
  return (subject, body, stored, headers) => {
    const id = String(++count);
    waiting.set(id, stored);
    const reply = inbox + id;
    connection.publish(subject, body, headers ? { reply, headers } : { reply });
  };
}
