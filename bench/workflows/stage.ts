// A participant on a server of its own, with its worker and its client, for as long as `act` takes. Nothing is
// left behind, whatever comes of it.
import type { Scene } from "./contract.js";
import type { Participant } from "./participants.js";
import { startRole, type Role } from "./role.js";
import { startServer } from "./server.js";

export interface Stage {
  serverPid: number;
  scene: Scene;
  worker: Role;
  client: Role;
  /** Kills the worker (-9). */
  killWorker(): Promise<void>;
  /** Starts another, which is then the stage's. */
  startWorker(): Promise<Role>;
}

export async function onStage<Result>(
  participant: Participant,
  inFlight: number,
  act: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const server = await startServer(participant, inFlight);
  const { scene } = server;
  let worker: Role | undefined;
  let client: Role | undefined;
  const startWorker = async () =>
    (worker = await startRole(participant, "worker", scene));
  try {
    await startWorker();
    client = await startRole(participant, "client", scene);
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
