// A server of its own with an empty store for every run, so that no contestant pays for what
// another left behind.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbeddedServer } from "../bus/server/embedded.js";
import type { Contestant } from "./contestant.js";

const startsWithinMs = 10_000;

interface BenchServer {
  url: string;
  /** Ends the server and removes its store. */
  stop(): Promise<void>;
}

export async function startServer(
  kind: Contestant["server"],
): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-bench-"));
  const server =
    kind === "nats"
      ? await startEmbeddedServer({ directory })
      : await startRedis(directory);
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

/** The append-only file is written at once and fsynced every second: a crash of any process loses nothing. */
async function startRedis(directory: string): Promise<BenchServer> {
  const port = await freePort();
  const settings = {
    bind: "127.0.0.1",
    port,
    dir: directory,
    save: "",
    appendonly: "yes",
    appendfsync: "everysec",
    // A rewrite in the midst of a run would take a core from those who are measured.
    "auto-aof-rewrite-percentage": 0,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
  const server = spawn("redis-server", flags, { stdio: "ignore" });
  const kill = () => void server.kill("SIGKILL");
  process.once("exit", kill);
  await accepting(server, port);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.off("exit", kill);
      const exited = once(server, "exit");
      if (server.kill("SIGKILL")) await exited;
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function accepting(server: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + startsWithinMs;
  while (Date.now() < deadline && server.exitCode === null) {
    if (await connects(port)) return;
    await delay(20);
  }
  server.kill("SIGKILL");
  throw new Error(
    `redis-server did not listen on port ${port} within ${startsWithinMs} ms`,
  );
}

export async function connects(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
