// Where the server of a directory has its things: the store in "nats", all that belongs to a run
// (configuration, log, lock, the FIFO, process numbers) in "server".
import { existsSync } from "node:fs";
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { TroupeError, messageOf } from "../../protocol/errors.js";

export interface Places {
  readonly storeDir: string;
  readonly runDirectory: string;
  readonly configuration: string;
  readonly log: string;
  readonly lock: string;
}

export async function createPlaces(
  directory: string | undefined,
): Promise<Places> {
  const asked = directory ?? join(projectDirectory(process.cwd()), ".troupe");
  const runAsked = join(resolve(asked), "server");
  await create(runAsked);
  // One directory has one name: processes are told by the path of their configuration.
  const runDirectory = await realpath(runAsked);
  const root = dirname(runDirectory);
  if (directory === undefined) await keepOutOfGit(root);
  return {
    storeDir: join(root, "nats"),
    runDirectory,
    configuration: join(runDirectory, "nats.conf"),
    log: join(runDirectory, "nats-server.log"),
    lock: join(runDirectory, "lock"),
  };
}

async function create(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TroupeError(
      "SERVER_FAILED",
      `cannot make the folder "${folder}" for the server's files (${messageOf(cause)}); give startEmbeddedServer a directory that can be written to`,
      { cause },
    );
  }
}

/** The nearest folder with a package.json, from `start` upwards; else `start`. */
export function projectDirectory(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return start;
  }
}

const keepOutOfGit = (root: string): Promise<void> =>
  writeFile(join(root, ".gitignore"), "*\n");
