// Three nats-servers that form a cluster, each a process with a store of its own. Any of them can be killed -9 and
// started again on its store.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { findServerBinary } from "../../bus/server/binary.js";
import { eventually } from "./eventually.js";
import { freePort } from "../../bus/server/ports.js";

interface Cluster {
  /** Of all servers, comma-separated. */
  readonly url: string;
  readonly size: number;
  kill(server: number): Promise<void>;
  /** Freezes it, or lets it go on. */
  signal(server: number, signal: "SIGSTOP" | "SIGCONT"): void;
  /** On its store and ports. */
  restart(server: number): Promise<void>;
  /** All servers follow a leader, and none lags behind. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export async function testCluster(size = 3): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-cluster-"));
  const binary = await findServerBinary();
  const ports = await freePorts(size * 2);
  const clients = ports.slice(0, size);
  const routes = ports.slice(size).map((port) => `nats://127.0.0.1:${port}`);
  const url = clients.map((port) => `nats://127.0.0.1:${port}`).join(",");
  const running: (ChildProcess | undefined)[] = [];

  const start = async (at: number): Promise<void> => {
    const path = join(directory, `${at}.conf`);
    await writeFile(
      path,
      `host: "127.0.0.1"
port: ${clients[at]}
server_name: "n${at}"
jetstream { store_dir: ${JSON.stringify(join(directory, `n${at}`))} }
cluster {
  name: "troupe-test"
  host: "127.0.0.1"
  port: ${ports[size + at]}
  routes: ${JSON.stringify(routes)}
}
`,
    );
    running[at] = spawn(binary.path, ["-c", path], { stdio: "ignore" });
  };
  const end = async (at: number): Promise<void> => {
    const child = running[at];
    running[at] = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const settled = async (): Promise<void> => {
    await eventually(() => isSettled(clients), {
      what: "a cluster with a leader",
      timeoutMs: 60_000,
    });
  };
  for (let at = 0; at < size; at++) await start(at);
  const cluster: Cluster = {
    url,
    size,
    kill: end,
    signal: (at, signal) => void running[at]?.kill(signal),
    restart: start,
    settled,
    async stop() {
      await Promise.all(running.map((_, at) => end(at)));
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await settled();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Every server answers, and no copy of a stream is behind its leader. */
async function isSettled(ports: number[]): Promise<boolean> {
  for (const port of ports) {
    const nats = await connect({
      servers: `127.0.0.1:${port}`,
      reconnect: false,
      timeout: 2_000,
    });
    try {
      const jsm = await jetstreamManager(nats, { timeout: 2_000 });
      for await (const { cluster } of jsm.streams.list()) {
        const copies = cluster?.replicas ?? [];
        if (!cluster?.leader || copies.some((copy) => !copy.current))
          return false;
      }
    } finally {
      await nats.close();
    }
  }
  return true;
}
