// One process at a time in a directory's start and stop. A lock is a file that names its owner.
// - L1 It is made whole or not at all: written beside, then hard-linked to its name.
// - L2 A lock whose owner is dead is broken by one process only: the one that holds the lock named
//   after the lock and that dead owner. Who comes second finds another owner's name and leaves it.
import { randomUUID } from "node:crypto";
import { link, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TroupeError } from "../../protocol/errors.js";
import { identityOf, isRunning } from "./process-identity.js";

const pollMs = 10;

/** Runs `work` while holding the lock. Throws SERVER_FAILED when it cannot be had in `timeoutMs`. */
export async function withLock<T>(
  path: string,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(path, Date.now() + timeoutMs, timeoutMs);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Removes what processes left that were killed while they wrote their name (L1). Needs no lock. */
export async function clearDrafts(path: string): Promise<void> {
  const start = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const isDraft = name.startsWith(start) && !name.includes(".stale.");
    if (isDraft && !(await isRunning(name.slice(start.length))))
      await rm(join(dirname(path), name), { force: true });
  }
}

async function acquire(path: string, deadline: number, timeoutMs: number) {
  // The number at the end makes each taking of the lock one of its own (L2).
  const owner = `${await identityOf(process.pid)}@${randomUUID().slice(0, 8)}`;
  while (!(await tryToCreate(path, owner))) {
    const holder = await readFile(path, "utf8").catch(() => undefined);
    if (holder === undefined) continue;
    if (!(await isRunning(holder))) await breakLock(path, holder, timeoutMs);
    else if (Date.now() < deadline) await delay(pollMs);
    else
      throw new TroupeError(
        "SERVER_FAILED",
        `the lock "${path}" was held by process ${holder.split("@")[0]} for ${timeoutMs} ms; see what that process waits for, or end it`,
      );
  }
}

async function tryToCreate(path: string, owner: string): Promise<boolean> {
  const draft = `${path}.${owner}`;
  await writeFile(draft, owner);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function breakLock(path: string, holder: string, timeoutMs: number) {
  await withLock(`${path}.stale.${holder}`, timeoutMs, async () => {
    const now = await readFile(path, "utf8").catch(() => undefined);
    if (now === holder) await rm(path, { force: true });
  });
}
