// nats-server from the packages of Debian or Ubuntu, from the mirror this machine is set up with.
// The newest suite is asked, since stable ones carry a server that is too old. Nothing is installed:
// apt works in a folder of its own, so it needs no root and leaves the system's state alone, and it
// checks the archive's signature as ever.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TroupeError } from "../../protocol/errors.js";
import type { OnProgress } from "./progress.js";

const run = promisify(execFile);

interface Distribution {
  readonly mirror: RegExp;
  readonly suite: string;
  readonly component: string;
  readonly keyring: string;
}

const distributions: Readonly<Record<string, Distribution>> = {
  debian: {
    mirror: /\/debian\/?$/,
    suite: "testing",
    component: "main",
    keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
  },
  ubuntu: {
    mirror: /\/ubuntu(-ports)?\/?$/,
    suite: "devel",
    component: "universe",
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
  },
};

/** Unpacks the package into `folder`, and answers the binary's path. Throws DOWNLOAD_FAILED or what apt says. */
export async function fetchPackage(
  folder: string,
  onProgress: OnProgress,
): Promise<string> {
  const distribution = await thisDistribution();
  await writeFile(join(folder, "sources.list"), await source(distribution));
  await writeFile(join(folder, "apt.conf"), aptConfiguration(folder));
  await mkdir(join(folder, "state/lists/partial"), { recursive: true });
  await mkdir(join(folder, "cache/archives/partial"), { recursive: true });
  onProgress(`nats-server: reading the packages of "${distribution.suite}"`);
  await apt(folder, "update");
  onProgress("nats-server: downloading the package");
  await apt(folder, "download", "nats-server");
  const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  if (archive === undefined)
    throw new TroupeError(
      "DOWNLOAD_FAILED",
      `apt-get left no package of "nats-server"; install nats-server yourself`,
    );
  await run("dpkg-deb", ["-x", join(folder, archive), join(folder, "root")]);
  return join(folder, "root/usr/sbin/nats-server");
}

async function thisDistribution(): Promise<Distribution> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const names = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].flatMap(
    (match) => match[1]?.split(" ") ?? [],
  );
  for (const name of names) {
    const found = distributions[name];
    if (found) return found;
  }
  throw new TroupeError(
    "DOWNLOAD_FAILED",
    `this system is "${names.join(" ") || process.platform}", neither Debian nor Ubuntu; install nats-server yourself`,
  );
}

/** One line for apt: the mirror is taken from the sources this machine has, which need no update first. */
async function source(distribution: Distribution): Promise<string> {
  const { stdout } = await run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI)",
  ]);
  const mirror = stdout
    .split("\n")
    .find((line) => distribution.mirror.test(line));
  if (mirror === undefined)
    throw new TroupeError(
      "DOWNLOAD_FAILED",
      `no mirror among apt's sources ends like "${distribution.mirror.source}"; install nats-server yourself`,
    );
  // Without the keyring's file apt falls back on the keys the system trusts; it checks either way.
  const signedBy = existsSync(distribution.keyring)
    ? `[signed-by=${distribution.keyring}] `
    : "";
  return `deb ${signedBy}${mirror} ${distribution.suite} ${distribution.component}\n`;
}

/** Read after the system's own configuration, of which it keeps what matters here: proxies. */
const aptConfiguration = (folder: string): string => `
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "${folder}/state";
Dir::State::lists "${folder}/state/lists";
Dir::State::status "/dev/null";
Dir::Cache "${folder}/cache";
Dir::Cache::archives "${folder}/cache/archives";
Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Debug::NoLocking "1";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
`;

async function apt(folder: string, ...command: string[]): Promise<void> {
  const options = ["-q", "-c", join(folder, "apt.conf")];
  await run("apt-get", [...options, ...command], {
    cwd: folder,
    timeout: 180_000,
    maxBuffer: 16 * 1024 * 1024,
  });
}
