// Who uses the server of a directory. A user holds the FIFO open for writing (the server lives as
// long as anyone does) and has a file users/<identity>, which the watchdog made when it let the
// user in. A file whose process is dead counts for nobody.
import { randomUUID } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { access, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TroupeError } from "../../protocol/errors.js";
import { identityOf, isRunning } from "./process-identity.js";
import { holdPath } from "./watchdog.js";

const admissionTimeoutMs = 5000;

export interface Membership {
  /** Lets go of the server. */
  leave(): Promise<void>;
  /** Whether any other user is there. */
  hasOthers(): Promise<boolean>;
}

/** Opens the FIFO; undefined when no watchdog reads it. */
export function tryToHold(runDirectory: string): number | undefined {
  let hold: number;
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK;
    hold = openSync(holdPath(runDirectory), flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENXIO" || code === "ENOENT") return undefined;
    throw error;
  }
  if (fstatSync(hold).isFIFO()) return hold;
  // A folder that was copied may have anything in its place.
  closeSync(hold);
  return undefined;
}

/** Asks the watchdog to be let in; undefined, with the FIFO closed, when it is ending. */
export async function enter(
  runDirectory: string,
  hold: number,
): Promise<Membership | undefined> {
  const users = join(runDirectory, "users");
  const user = `${await identityOf(process.pid)}@${randomUUID().slice(0, 8)}`;
  if (await isAdmitted(join(users, user), hold, `${user}\n`))
    return {
      leave: async () => {
        closeSync(hold);
        await rm(join(users, user), { force: true });
      },
      hasOthers: () => hasOthers(users, user),
    };
  closeSync(hold);
  return undefined;
}

async function isAdmitted(file: string, hold: number, line: string) {
  const deadline = Date.now() + admissionTimeoutMs;
  let text = line;
  while (Date.now() < deadline) {
    // An empty line asks for nothing, but fails when the watchdog no longer reads.
    if (!canWrite(hold, text)) return false;
    text = "\n";
    if (await exists(file)) return true;
    await delay(3);
  }
  throw new TroupeError(
    "SERVER_FAILED",
    `the watchdog of the server did not make "${file}" within ${admissionTimeoutMs} ms; see whether its directory can be written to`,
  );
}

function canWrite(hold: number, text: string): boolean {
  try {
    writeSync(hold, text);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return false;
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function hasOthers(users: string, self: string): Promise<boolean> {
  const names = await readdir(users).catch(() => []);
  for (const name of names)
    if (name !== self && (await isRunning(name))) return true;
  return false;
}
