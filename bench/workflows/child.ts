// A participant's client or worker in a process of its own.
import { answerParent } from "../answering.js";
import type { Answers } from "../dialogue.js";
import { garbageCollector } from "../memory.js";
import { clientAnswers } from "./client-answers.js";
import { now, type Module, type Scene } from "./contract.js";
import type { WorkflowQuestions } from "./questions.js";
import { Tally } from "./tally.js";

answerParent<WorkflowQuestions, Module, Scene>(
  async ({ role, module, scene }) =>
    role === "worker"
      ? workerAnswers(module, scene)
      : clientAnswers(await module.openClient(scene)),
);

async function workerAnswers(
  module: Module,
  scene: Scene,
): Promise<Answers<WorkflowQuestions>> {
  const tally = new Tally(now());
  const worker = await module.openWorker(scene, tally.work);
  const collect = garbageCollector();
  return {
    forget: () => tally.forget(),
    starts: () => tally.starts(),
    counts: () => tally.counts(),
    memory() {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    },
    async close() {
      await worker.close();
      return null;
    },
  };
}
