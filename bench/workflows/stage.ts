// A participant on a server of its own, with its worker and its client, for as long as `act` takes. Nothing is
// left behind, whatever comes of it.
import { startRole, type Role } from "../role.js";
import { freePort } from "../servers/ports.js";
import { startServer, type BenchServer } from "../servers/server.js";
import type { Scene } from "./contract.js";
import type { Participant } from "./participants.js";
import type { WorkflowQuestions } from "./questions.js";

export type WorkflowRole = Role<WorkflowQuestions>;

export interface Stage {
  serverPid: number;
  scene: Scene;
  worker: WorkflowRole;
  client: WorkflowRole;
  /** Kills the worker (-9). */
  killWorker(): Promise<void>;
  /** Starts another, which is then the stage's. */
  startWorker(): Promise<WorkflowRole>;
}

export async function onStage<Result>(
  participant: Participant,
  inFlight: number,
  act: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const { durability } = participant;
  const server = await startServer(participant.server, durability === "disk");
  let worker: WorkflowRole | undefined;
  let client: WorkflowRole | undefined;
  try {
    const scene = await sceneOf(server, durability, inFlight);
    const startWorker = async () =>
      (worker = await start(participant, "worker", scene));
    await startWorker();
    client = await start(participant, "client", scene);
    return await act({
      serverPid: server.pid,
      scene,
      worker: worker!,
      client,
      killWorker: () => worker!.kill(),
      startWorker,
    });
  } finally {
    await client?.close();
    await worker?.close();
    await server.stop();
  }
}

async function sceneOf(
  { url, adminUrl, directory }: BenchServer,
  durability: Scene["durability"],
  inFlight: number,
): Promise<Scene> {
  const workerPort = await freePort();
  const at = { url, ...(adminUrl && { adminUrl }), directory };
  return { ...at, workerPort, durability, inFlight };
}

function start(
  { name, module }: Participant,
  role: "worker" | "client",
  scene: Scene,
): Promise<WorkflowRole> {
  return startRole<WorkflowQuestions>({
    name,
    role,
    child: new URL("./child.js", import.meta.url),
    module: new URL(module, import.meta.url),
    scene,
    environment: { NODE_ENV: "production", NATS_URL: "" },
  });
}
