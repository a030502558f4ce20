// One user's share in the server of a directory: joined where one runs, else started, and given up.
// Each of the three happens under the directory's lock.
import { readFile } from "node:fs/promises";
import { TroupeError } from "../../protocol/errors.js";
import {
  askedFor,
  shortfall,
  type ServerConfiguration,
} from "./configuration.js";
import { withLock } from "./directory-lock.js";
import { launch } from "./launch.js";
import { tailOf } from "./log.js";
import { enter, tryToHold, type Membership } from "./membership.js";
import type { Places } from "./places.js";
import { awaitEnd, endProcesses, processesOf } from "./server-process.js";

/** Longer than ending a server that does not want to takes. */
const lockTimeoutMs = 60_000;
/** The watchdog kills after 10 s what does not end. */
const endTimeoutMs = 15_000;

export interface Session {
  readonly membership: Membership;
  /** Where this run begins in the log; undefined when the server was there already. */
  readonly logStart: number | undefined;
  /** Whether the server that runs syncs every write; more than was asked for, maybe. */
  readonly syncAlways: boolean;
}

/** Undefined when no server runs. Throws SERVER_FAILED when the one that runs is not what is asked for. */
export function joinServer(
  places: Places,
  asked: ServerConfiguration,
): Promise<Session | undefined> {
  return withLock(places.lock, lockTimeoutMs, () => join(places, asked));
}

/** Joins the one that somebody else has started in the meantime. */
export function startServer(
  places: Places,
  asked: ServerConfiguration,
  binary: string,
): Promise<Session> {
  return withLock(places.lock, lockTimeoutMs, async () => {
    const session = await join(places, asked);
    if (session) return session;
    // Nobody watches what still runs: it is on its way out, or its watchdog was killed.
    const remains = await processesOf(places.runDirectory);
    await endProcesses(remains, places.configuration, endTimeoutMs);
    const { hold, logStart } = await launch(places, asked, binary);
    const membership = await enter(places.runDirectory, hold);
    if (membership)
      return { membership, logStart, syncAlways: asked.syncAlways };
    throw await startFailure(places, logStart);
  });
}

/** Resolves when the server has ended, if this was its last user. */
export function leaveServer(
  places: Places,
  membership: Membership,
): Promise<void> {
  return withLock(places.lock, lockTimeoutMs, async () => {
    const pids = await processesOf(places.runDirectory);
    const isShared = await membership.hasOthers();
    await membership.leave();
    if (!isShared) await awaitEnd(pids, places.configuration, endTimeoutMs);
  });
}

export async function startFailure(
  places: Places,
  logStart: number,
): Promise<TroupeError> {
  return new TroupeError(
    "SERVER_FAILED",
    `nats-server did not start; the end of its log "${places.log}" says: ${await tailOf(places.log, logStart)}`,
  );
}

async function join(
  places: Places,
  asked: ServerConfiguration,
): Promise<Session | undefined> {
  const hold = tryToHold(places.runDirectory);
  if (hold === undefined) return undefined;
  const membership = await enter(places.runDirectory, hold);
  if (membership === undefined) return undefined;
  const running = askedFor(await readFile(places.configuration, "utf8"));
  const lacking = running && shortfall(running, asked);
  if (lacking === undefined) {
    const syncAlways = running?.syncAlways ?? false;
    return { membership, logStart: undefined, syncAlways };
  }
  await membership.leave();
  throw new TroupeError(
    "SERVER_FAILED",
    `a server runs already on "${places.storeDir}", but ${lacking}; stop the processes that use it, or use another directory`,
  );
}
