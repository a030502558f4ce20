// The user's cache of server binaries: one file a version and platform, put there in one step, so
// that several processes may fetch and use it at the same time.
import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { compareVersions, isNewEnough } from "./version.js";

const platform = `${process.platform}-${process.arch}`;

function cacheDirectory(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return join(base ? base : join(homedir(), ".cache"), "troupe");
}

/** Paths of the versions that are new enough, the newest first. */
export async function cachedBinaries(): Promise<string[]> {
  const names = await readdir(cacheDirectory()).catch(() => []);
  return names
    .map((name) => ({ name, version: versionIn(name) }))
    .filter(({ version }) => version !== undefined && isNewEnough(version))
    .sort((a, b) => compareVersions(b.version ?? "", a.version ?? ""))
    .map(({ name }) => join(cacheDirectory(), name));
}

/** Copies a binary into the cache, and answers its path there. */
export async function cacheBinary(
  source: string,
  version: string,
): Promise<string> {
  const target = join(cacheDirectory(), `nats-server-${version}-${platform}`);
  const draft = `${target}.${randomUUID()}.new`;
  await mkdir(cacheDirectory(), { recursive: true });
  try {
    await copyFile(source, draft);
    await chmod(draft, 0o755);
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  return target;
}

function versionIn(name: string): string | undefined {
  return name.startsWith("nats-server-") && name.endsWith(`-${platform}`)
    ? name.slice("nats-server-".length, -platform.length - 1)
    : undefined;
}
