// A NATS server at hand: a child process with a store below a directory, on this machine only.
// - E1 One server a directory. Whoever starts a second one, in this process or another, is given the
//   one that runs, whose life is shared: it ends when its last user has stopped it or is gone, also
//   by kill -9 (the watchdog sees to that). So stop() ends it only for the last user.
// - E2 Starts and stops of a directory stand in a queue (the lock), so two never share a store.
// - E3 Nothing of a run that was killed needs clearing by hand: who lives is asked of the kernel.
import { readFile } from "node:fs/promises";
import { TroupeError } from "../../protocol/errors.js";
import {
  askedFor,
  shortfall,
  type ServerConfiguration,
} from "./configuration.js";
import { withLock } from "./directory-lock.js";
import { startServer } from "./launch.js";
import { tailOf } from "./log.js";
import { enter, tryToHold, type Membership } from "./membership.js";
import { createPlaces, type Places } from "./places.js";
import { printProgress, type OnProgress } from "./progress.js";
import {
  awaitEnd,
  awaitReady,
  livingProcesses,
  processesOf,
  type Reachable,
} from "./server-process.js";

export interface EmbeddedServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  readonly storeDir: string;
  /** Lets go of it. For its last user: ends it, and resolves when it has ended. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** Default: ".troupe" in the nearest folder with a package.json, else in the current one. */
  directory?: string;
  /** Every write is on the disk before it is acknowledged. */
  syncAlways?: boolean;
  /** Default: a free one. */
  port?: number;
  /** Default: to stderr. Only lines that matter, such as a download's. */
  onProgress?: OnProgress;
  /** Added to the server's configuration as it stands. */
  extraConfig?: string;
}

const lockTimeoutMs = 30_000;
/** A large store takes its time to be read back. */
const readyTimeoutMs = 60_000;
/** The watchdog kills after 10 s what does not end. */
const endTimeoutMs = 15_000;
const maxTries = 3;

/**
 * Starts the server of the directory, or joins the one that runs; resolves when it takes clients.
 * Throws SERVER_NOT_FOUND, SERVER_TOO_OLD or DOWNLOAD_FAILED when there is no binary, SERVER_FAILED
 * with the end of its log when it does not start.
 */
export async function startEmbeddedServer(
  options: EmbeddedServerOptions = {},
): Promise<EmbeddedServer> {
  const places = await createPlaces(options.directory);
  for (let tries = 1; ; tries++) {
    const session = await withLock(
      places.lock,
      lockTimeoutMs,
      async () =>
        (await join(places, options)) ?? (await start(places, options)),
    );
    const server = await awaitReady(
      places.runDirectory,
      () => hasEnded(places),
      readyTimeoutMs,
    );
    if (server) return handle(places, session, server);
    await session.membership.leave();
    // One that was joined may have been about to end: then the next try starts another.
    if (session.logStart !== undefined || tries === maxTries)
      throw await startFailure(places, session.logStart ?? 0);
  }
}

interface Session {
  readonly membership: Membership;
  /** Where this run begins in the log; undefined when the server was there already. */
  readonly logStart: number | undefined;
}

async function join(
  places: Places,
  options: EmbeddedServerOptions,
): Promise<Session | undefined> {
  const hold = tryToHold(places.runDirectory);
  if (hold === undefined) return undefined;
  const membership = await enter(places.runDirectory, hold);
  if (membership === undefined) return undefined;
  const lacking = await shortfallOf(places, options);
  if (lacking === undefined) return { membership, logStart: undefined };
  await membership.leave();
  throw new TroupeError(
    "SERVER_FAILED",
    `a server runs already on "${places.storeDir}", but ${lacking}; stop the processes that use it, or use another directory`,
  );
}

async function shortfallOf(places: Places, options: EmbeddedServerOptions) {
  const running = askedFor(await readFile(places.configuration, "utf8"));
  return running && shortfall(running, configurationOf(options));
}

async function start(
  places: Places,
  options: EmbeddedServerOptions,
): Promise<Session> {
  await endRemains(places);
  const { hold, logStart } = await startServer(
    places,
    configurationOf(options),
    options.onProgress ?? printProgress(),
  );
  const membership = await enter(places.runDirectory, hold);
  if (membership) return { membership, logStart };
  throw await startFailure(places, logStart);
}

/** Nobody watches it any more: it is on its way out, or its watchdog was killed. */
async function endRemains(places: Places): Promise<void> {
  const pids = await processesOf(places.runDirectory);
  const living = await livingProcesses(pids, places.configuration);
  for (const pid of living) signal(pid, "SIGTERM");
  await awaitEnd(living, places.configuration, endTimeoutMs).catch(async () => {
    for (const pid of living) signal(pid, "SIGKILL");
    await awaitEnd(living, places.configuration, endTimeoutMs);
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function hasEnded(places: Places): Promise<boolean> {
  const pids = await processesOf(places.runDirectory);
  if (pids.length === 0) return false;
  return (
    (await livingProcesses(pids.slice(0, 1), places.configuration)).length === 0
  );
}

function handle(
  places: Places,
  session: Session,
  server: Reachable,
): EmbeddedServer {
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= leave(places, session.membership));
  return {
    url: `nats://127.0.0.1:${server.port}`,
    ...server,
    storeDir: places.storeDir,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function leave(places: Places, membership: Membership): Promise<void> {
  return withLock(places.lock, lockTimeoutMs, async () => {
    const pids = await processesOf(places.runDirectory);
    const shared = await membership.hasOthers();
    await membership.leave();
    if (!shared) await awaitEnd(pids, places.configuration, endTimeoutMs);
  });
}

async function startFailure(places: Places, logStart: number) {
  return new TroupeError(
    "SERVER_FAILED",
    `nats-server did not start; the end of its log "${places.log}" says: ${await tailOf(places.log, logStart)}`,
  );
}

const configurationOf = (
  options: EmbeddedServerOptions,
): ServerConfiguration => ({
  port: options.port,
  syncAlways: options.syncAlways ?? false,
  extraConfig: options.extraConfig ?? "",
});
