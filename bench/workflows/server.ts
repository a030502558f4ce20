// A server of its own with an empty store for every run, at the durability that is asked for.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "../../bus/server/embedded.js";
import { freePort } from "../servers.js";
import type { StartedServer } from "./child-server.js";
import type { Scene } from "./contract.js";
import type { Participant } from "./participants.js";
import { startPostgres } from "./postgres-server.js";
import { startRestate } from "./restate-server.js";

export interface WorkflowServer {
  pid: number;
  scene: Scene;
  /** Ends the server and removes its store. */
  stop(): Promise<void>;
}

export async function startServer(
  participant: Participant,
  inFlight: number,
): Promise<WorkflowServer> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const server = await start(participant, directory);
    const { url, adminUrl, pid } = server;
    return {
      pid,
      scene: {
        url,
        ...(adminUrl && { adminUrl }),
        workerPort: await freePort(),
        durability: participant.durability,
        directory,
        inFlight,
      },
      async stop() {
        await server.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function start(
  { server, durability }: Participant,
  directory: string,
): Promise<StartedServer> {
  const fsync = durability === "disk";
  switch (server) {
    case "nats":
      return startEmbeddedServer({ directory, syncAlways: fsync });
    case "restate":
      return startRestate(directory, fsync);
    case "postgres":
      return startPostgres(directory, fsync);
  }
}
