// A PostgreSQL cluster of its own, on 127.0.0.1 alone. Its `synchronous_commit` is the durability: `on`
// fsyncs before it acknowledges; `off` hands the log to the operating system up to some 600 ms later, so a
// crash of the server may lose what it had acknowledged just before: a little less than our `process`.
// PostgreSQL does not run as root: then it runs as the user "postgres" that its package makes.
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { startChildServer, type StartedServer } from "./child-server.js";
import { connects, freePort } from "./ports.js";

interface Account {
  uid: number;
  gid: number;
}

/** Why there is none, or undefined. */
export function postgresAbsence(): string | undefined {
  if (postgresFolder() === undefined)
    return "PostgreSQL (initdb and postgres) is not installed";
  if (process.getuid?.() === 0 && unprivileged() === undefined)
    return 'PostgreSQL does not run as root, and there is no user "postgres"';
  return undefined;
}

export async function startPostgres(
  directory: string,
  fsync: boolean,
): Promise<StartedServer> {
  const folder = postgresFolder()!;
  const account = process.getuid?.() === 0 ? unprivileged() : undefined;
  if (account) chownSync(directory, account.uid, account.gid);
  const data = join(directory, "data");
  createCluster(join(folder, "initdb"), data, account);
  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    port,
    synchronous_commit: fsync ? "on" : "off",
    // The defaults are for a small machine: enough that nothing has to be read again or checkpointed.
    shared_buffers: "512MB",
    max_wal_size: "4GB",
    autovacuum_naptime: "10min",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const server = await startChildServer(
    join(folder, "postgres"),
    ["-D", data, ...flags],
    { ...account, cwd: directory, stopSignal: "SIGQUIT" },
    () => connects(port),
  );
  return { ...server, url: `postgresql://postgres@127.0.0.1:${port}/bench` };
}

function createCluster(initdb: string, data: string, account?: Account): void {
  const { status, stderr } = spawnSync(
    initdb,
    ["-D", data, "-A", "trust", "-U", "postgres", "--no-sync"],
    { ...account, cwd: join(data, ".."), encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
}

/** On the PATH, or where Debian puts it, the newest. */
function postgresFolder(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  return [
    ...versions
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ].find((folder) =>
    ["initdb", "postgres"].every((file) => existsSync(join(folder, file))),
  );
}

function unprivileged(): Account | undefined {
  const [uid, gid] = ["-u", "-g"].map((flag) => {
    const { status, stdout } = spawnSync("id", [flag, "postgres"]);
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
