// Redis from the PATH, on 127.0.0.1 alone. The append-only file is written at once and fsynced every second: a crash
// of any process loses nothing.
import { spawnSync } from "node:child_process";
import { startChildServer, type StartedServer } from "./child-server.js";
import { connects, freePort } from "./ports.js";

export function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

export async function startRedis(directory: string): Promise<StartedServer> {
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
  const server = await startChildServer(
    "redis-server",
    flags,
    { stopSignal: "SIGKILL" },
    () => connects(port),
  );
  return { ...server, url: `redis://127.0.0.1:${port}` };
}
