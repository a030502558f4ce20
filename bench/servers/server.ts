// A server of its own with an empty store for every run, so that nobody who is measured pays for what another left
// behind.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "../../bus/server/embedded.js";
import type { StartedServer } from "./child-server.js";
import { startPostgres } from "./postgres.js";
import { startRedis } from "./redis.js";
import { startRestate } from "./restate.js";

type ServerKind = "nats" | "redis" | "restate" | "postgres";

export interface BenchServer extends StartedServer {
  /** Where it has its store. `stop` removes it, too. */
  directory: string;
}

/** With `fsync` whatever is acknowledged is on the disk; Redis has no such setting here. */
export async function startServer(
  kind: ServerKind,
  fsync = false,
): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const server = await start(kind, directory, fsync);
    const { url, pid, adminUrl } = server;
    return {
      url,
      pid,
      ...(adminUrl && { adminUrl }),
      directory,
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
  kind: ServerKind,
  directory: string,
  fsync: boolean,
): Promise<StartedServer> {
  switch (kind) {
    case "nats":
      return startEmbeddedServer({ directory, syncAlways: fsync });
    case "redis":
      return startRedis(directory);
    case "restate":
      return startRestate(directory, fsync);
    case "postgres":
      return startPostgres(directory, fsync);
  }
}
