// A NATS server at hand: a child process with a store below a directory, on this machine only.
// - E1 One server a directory. Whoever starts a second one, in this process or another, is given the
//   one that runs, whose life is shared: it ends when its last user has stopped it or is gone, also
//   by kill -9 (the watchdog sees to that). So stop() ends it only for the last user.
// - E2 Starts and stops of a directory stand in a queue (the lock), so two never share a store.
// - E3 Nothing of a run that was killed needs clearing by hand: who lives is asked of the kernel.
import { findServerBinary } from "./binary.js";
import type { ServerConfiguration } from "./configuration.js";
import { createPlaces, type Places } from "./places.js";
import { printProgress, type OnProgress } from "./progress.js";
import { awaitReady, type Reachable } from "./server-process.js";
import {
  joinServer,
  leaveServer,
  startFailure,
  startServer,
  type Session,
} from "./session.js";

export interface EmbeddedServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  readonly storeDir: string;
  /** Every write is on the disk before it is acknowledged. */
  readonly syncAlways: boolean;
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

/** A large store takes its time to be read back. */
const readyTimeoutMs = 60_000;
const maxTries = 3;

/**
 * Starts the server of the directory, or joins the one that runs; resolves when it takes clients.
 * Throws SERVER_NOT_FOUND or SERVER_TOO_OLD when there is no binary, SERVER_FAILED with the end of
 * its log when it does not start.
 */
export async function startEmbeddedServer(
  options: EmbeddedServerOptions = {},
): Promise<EmbeddedServer> {
  const places = await createPlaces(options.directory);
  for (let tries = 1; ; tries++) {
    const session = await joinOrStart(places, options);
    const server = await awaitReady(places, readyTimeoutMs);
    if (server) return handle(places, session, server);
    await session.membership.leave();
    // One that was joined may have been about to end: then the next try starts another.
    if (session.logStart !== undefined || tries === maxTries)
      throw await startFailure(places, session.logStart ?? 0);
  }
}

async function joinOrStart(
  places: Places,
  options: EmbeddedServerOptions,
): Promise<Session> {
  const asked: ServerConfiguration = {
    port: options.port,
    syncAlways: options.syncAlways ?? false,
    extraConfig: options.extraConfig ?? "",
  };
  const joined = await joinServer(places, asked);
  if (joined) return joined;
  // Not under the lock: a download may take its time.
  const onProgress = options.onProgress ?? printProgress();
  const binary = await findServerBinary({ onProgress });
  return startServer(places, asked, binary.path);
}

function handle(
  places: Places,
  session: Session,
  server: Reachable,
): EmbeddedServer {
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= leaveServer(places, session.membership));
  return {
    url: `nats://127.0.0.1:${server.port}`,
    ...server,
    storeDir: places.storeDir,
    syncAlways: session.syncAlways,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
