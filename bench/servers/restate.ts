// Restate's server from its npm package, on 127.0.0.1 alone. By default it fsyncs its log before it
// acknowledges; `rocksdb-disable-wal-fsync` leaves that to the operating system, which is durability
// `process`. Its default of 24 partitions is meant for clusters: on two cores four were twice as quick.
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { peersFolder } from "../peers.js";
import { startChildServer, type StartedServer } from "./child-server.js";
import { freePort } from "./ports.js";

const partitions = 4;

export async function startRestate(
  directory: string,
  fsync: boolean,
): Promise<StartedServer> {
  const [nodePort, adminPort, ingressPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const configuration = join(directory, "restate.toml");
  await writeFile(
    configuration,
    `listen-mode = "tcp"
bind-ip = "127.0.0.1"
bind-port = ${nodePort}
node-name = "bench"
default-num-partitions = ${partitions}
disable-telemetry = true
log-filter = "error"
[admin]
bind-address = "127.0.0.1:${adminPort}"
disable-web-ui = true
[ingress]
bind-address = "127.0.0.1:${ingressPort}"
[log-server]
rocksdb-disable-wal-fsync = ${!fsync}
`,
  );
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const server = await startChildServer(
    binary(),
    ["--no-logo", "--config-file", configuration, "--base-dir", directory],
    { stopSignal: "SIGKILL" },
    () => healthy(`${adminUrl}/health`),
  );
  return { ...server, url: `http://127.0.0.1:${ingressPort}`, adminUrl };
}

/** Not the package's own starter, which would stand between us and the server. */
function binary(): string {
  const { resolve } = createRequire(join(peersFolder, "package.json"));
  const { platform, arch } = process;
  return resolve(
    `@restatedev/restate-server-${platform}-${arch}/bin/restate-server`,
  );
}

async function healthy(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
