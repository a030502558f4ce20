// A participant's client or worker in a process of its own. Arguments: the role, the module's URL, the
// scene as JSON. Answers what bench/workflows/role.ts asks, one question at a time, and ends with it.
import { garbageCollector } from "../memory.js";
import { clientAnswers } from "./client-answers.js";
import { now, type Module, type Scene } from "./contract.js";
import type { Answers, FromChild, ToChild } from "./questions.js";
import { Tally } from "./tally.js";

const [role, moduleUrl, sceneJson] = process.argv.slice(2) as [
  string,
  string,
  string,
];

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

function fail(error: unknown): void {
  const reason =
    error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ kind: "failed", reason });
}

async function main(): Promise<void> {
  const module = (await import(moduleUrl)) as Module;
  const scene = JSON.parse(sceneJson) as Scene;
  const answers =
    role === "worker"
      ? await workerAnswers(module, scene)
      : clientAnswers(await module.openClient(scene));
  process.on("message", (message) => {
    answer(answers, message as ToChild).catch(fail);
  });
  tell({ kind: "ready" });
}

async function answer(
  answers: Answers,
  { question, asked }: ToChild,
): Promise<void> {
  const reply = answers[question] as
    ((asked: unknown) => Promise<unknown>) | undefined;
  if (!reply) throw new Error(`A ${role} is not asked for "${question}"`);
  tell({ kind: "answer", answered: await reply(asked) });
  if (question === "close") process.disconnect();
}

async function workerAnswers(module: Module, scene: Scene): Promise<Answers> {
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

process.once("disconnect", () =>
  setTimeout(() => process.exit(), 1000).unref(),
);
process.on("unhandledRejection", (error) => {
  console.error(error);
  fail(error);
});
main().catch(fail);
