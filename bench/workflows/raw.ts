// The reference for Troupe's own distance: the least code on the bare client that stores a task, writes three entries
// of a journal, each expecting to follow the one before, stores the result, acknowledges and tells the submitter.
// It can do nothing with a journal: it never reads one.
import type { JsMsg } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { openSender, openTaker, resultPrefix, taskPrefix } from "../bare.js";
import type { Client, Dispatch, Scene, Work, Worker } from "./contract.js";

const journalPrefix = "raw.journal.";

export function openWorker(scene: Scene, work: Work): Promise<Worker> {
  return openTaker(scene.url, [journalPrefix], (publish) => {
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
    return (message) => void run(message).catch(() => message.nak());
  });
}

function expecting(lastSequence: number) {
  const expectation = headers();
  expectation.set("Nats-Expected-Last-Subject-Sequence", String(lastSequence));
  return expectation;
}

export async function openClient(scene: Scene): Promise<Client> {
  const sender = await openSender(scene.url);
  return {
    run: (input) => sender.send(input),
    sleep: cannot,
    startLong: cannot,
    signalLong: cannot,
    close: () => sender.close(),
  };
}

function cannot(): Promise<never> {
  return Promise.reject(new Error("The bare client can do this no more"));
}
