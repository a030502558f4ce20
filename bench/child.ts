// A contestant's client or worker in a process of its own.
import { answerParent } from "./answering.js";
import {
  sampleInput,
  work,
  type ContestantModule,
  type Scene,
} from "./contestant.js";
import { measure, type Load, type Measured } from "./load.js";

export interface ContestantQuestions {
  /** Of a client. */
  measure: { asked: Load; answered: Measured };
  close: { asked: null; answered: null };
}

answerParent<ContestantQuestions, ContestantModule, Scene>(
  async ({ role, module, scene }) => {
    if (role === "worker") {
      const worker = await module.openWorker(scene, work);
      return { close: () => close(worker) };
    }
    const client = await module.openClient(scene);
    const send = () => client.send(sampleInput);
    const expected = work(sampleInput);
    return {
      measure: (load) => measure(send, expected, load),
      close: () => close(client),
    };
  },
);

async function close(opened: { close(): Promise<void> }): Promise<null> {
  await opened.close();
  return null;
}
