// The reference for Troupe's own distance: the least code on the bare client that stores a task, writes three entries
// of a journal, each expecting to follow the one before, stores the result, acknowledges and tells the submitter.
// It can do nothing with a journal: it never reads one.
import {
  AckPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JsMsg,
} from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import type { Note } from "../contestant.js";
import { durablePublisher } from "../raw.js";
import type { Client, Dispatch, Scene, Work, Worker } from "./contract.js";

const taskPrefix = "raw.task.";
const journalPrefix = "raw.journal.";
const resultPrefix = "raw.result.";

export async function openWorker(scene: Scene, work: Work): Promise<Worker> {
  const connection = await connect({ servers: scene.url });
  await createStreams(connection);
  const publish = durablePublisher(connection);
  const store = (subject: string, value: unknown, expected?: number) =>
    new Promise<number>((resolve, reject) => {
      publish(
        subject,
        JSON.stringify(value),
        (error, sequence) => (error ? reject(error) : resolve(sequence)),
        expected === undefined ? undefined : expecting(expected),
      );
    });
  const run = async (message: JsMsg) => {
    const id = message.subject.slice(taskPrefix.length);
    const step = (value: unknown, last: number) =>
      store(journalPrefix + id, value, last);
    const one = work.one(message.json<Dispatch>());
    const first = await step({ op: 0, name: "one", value: one }, 0);
    const two = work.two(one);
    const second = await step({ op: 1, name: "two", value: two }, first);
    const three = work.three(two);
    await step({ op: 2, name: "three", value: three }, second);
    await store(resultPrefix + id, { text: three });
    message.ack();
  };
  const { consumers } = jetstream(connection);
  const consumer = await consumers.get("RAW_TASKS", "worker");
  const messages = await consumer.consume({
    max_messages: 1000,
    callback: (message) => void run(message).catch(() => message.nak()),
  });
  return {
    async close() {
      await messages.close();
      await connection.drain();
    },
  };
}

function expecting(lastSequence: number) {
  const expectation = headers();
  expectation.set("Nats-Expected-Last-Subject-Sequence", String(lastSequence));
  return expectation;
}

async function createStreams(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  const storage = StorageType.File;
  await manager.streams.add({
    name: "RAW_TASKS",
    subjects: [`${taskPrefix}>`],
    retention: RetentionPolicy.Workqueue,
    storage,
  });
  for (const [name, prefix] of [
    ["RAW_JOURNAL", journalPrefix],
    ["RAW_RESULTS", resultPrefix],
  ] as const)
    await manager.streams.add({ name, subjects: [`${prefix}>`], storage });
  await manager.consumers.add("RAW_TASKS", {
    durable_name: "worker",
    ack_policy: AckPolicy.Explicit,
  });
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
    async run(input) {
      const id = String(++count);
      const result = new Promise<Note>((resolve) => waiting.set(id, resolve));
      await new Promise<void>((resolve, reject) => {
        publish(taskPrefix + id, JSON.stringify(input), (error) =>
          error ? reject(error) : resolve(),
        );
      });
      return result;
    },
    sleep: cannot,
    startLong: cannot,
    signalLong: cannot,
    close: () => connection.drain(),
  };
}

function cannot(): Promise<never> {
  return Promise.reject(new Error("The bare client can do this no more"));
}
