// A NATS server at hand: a child process with a store below a directory, on this machine only.
// - E1 One server a directory. Whoever starts a second one, in this process or another, is given the
//   one that runs, whose life is shared: it ends when its last user has stopped it or is gone, also
//   by kill -9 (the watchdog sees to that). So stop() ends it only for the last user.
// - E2 Starts and stops of a directory stand in a queue (the lock), so two never share a store.
// - E3 Nothing of a run that was killed needs clearing by hand: who lives is asked of the kernel.
// - E4 One that was killed is started again by whichever of its users notices first, at the same port, so that all of
//   them find it where they look for it.
import { setTimeout as pause } from "node:timers/promises";
import { findServerBinary } from "./binary.js";
import type { ServerConfiguration } from "./configuration.js";
import type { Membership } from "./membership.js";
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
  /** Starts it again where it was killed, unless another user has. Never throws; tries until it runs or is stopped. */
  revive(): Promise<void>;
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
const reviveEveryMs = 1_000;

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
    if (server) return new Used(places, options, session, server);
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

/** The share of one user in it. */
class Used implements EmbeddedServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  readonly storeDir: string;
  readonly syncAlways: boolean;
  readonly #places: Places;
  readonly #options: EmbeddedServerOptions;
  #membership: Membership;
  #reviving: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    places: Places,
    options: EmbeddedServerOptions,
    session: Session,
    { port, pid, version }: Reachable,
  ) {
    this.url = `nats://127.0.0.1:${port}`;
    this.port = port;
    this.pid = pid;
    this.version = version;
    this.storeDir = places.storeDir;
    this.syncAlways = session.syncAlways;
    this.#places = places;
    this.#options = options;
    this.#membership = session.membership;
  }

  revive(): Promise<void> {
    return (this.#reviving ??= this.#revive().finally(() => {
      this.#reviving = undefined;
    }));
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #revive(): Promise<void> {
    while (!this.#stopped) {
      try {
        const { membership } = await joinOrStart(this.#places, this.#options);
        const before = this.#membership;
        this.#membership = membership;
        await before.leave();
        if (await awaitReady(this.#places, readyTimeoutMs)) return;
      } catch {
        // Whoever uses it says that it cannot be reached.
      }
      await pause(reviveEveryMs);
    }
  }

  async #stop(): Promise<void> {
    await this.#reviving;
    await leaveServer(this.#places, this.#membership);
  }
}
